"""A changelog says what changed for one template between two versions."""

from __future__ import annotations

import pytest
from packaging.version import Version

from mlops_scaffold.source.changelog import between, sections

TEXT = """\
# Changelog

## Unreleased

### The program

- Help is shorter.

### model-service

- Serves regression.

### Every template

- Python 3.14.

### drift-monitor

- Watches embeddings.

## 0.2.0 - 2026-11-23

### Changed

- Everything, in one list.
"""
TEMPLATES = ("model-service", "drift-monitor")
DEV = Version("0.3.0.dev0")


def told(template: str, old: str = "0.2.0") -> str:
    return between(TEXT, Version(old), DEV, template=template, templates=TEMPLATES)


def test_only_the_part_of_the_template_and_of_every_template_is_told() -> None:
    assert told("model-service").splitlines() == [
        "## Unreleased",
        "",
        "### model-service",
        "",
        "- Serves regression.",
        "",
        "### Every template",
        "",
        "- Python 3.14.",
    ]


def test_a_section_that_is_not_divided_by_template_is_told_whole() -> None:
    assert "Everything, in one list." in told("model-service", old="0.1.0")


def test_a_template_without_a_part_of_its_own_is_told_what_concerns_every_template() -> None:
    said = told("rag-system")
    assert "Python 3.14" in said
    assert "regression" not in said


def test_a_section_with_nothing_for_the_template_is_left_out() -> None:
    text = "## 0.2.0\n\n### drift-monitor\n\n- Watches.\n"
    assert not between(
        text, Version("0.1.0"), DEV, template="model-service", templates=("drift-monitor",)
    )


@pytest.mark.parametrize(
    "text", ["", "no heading at all\n", "# Changelog\n", "## \n", "\ufeff## 1\n"]
)
def test_a_changelog_without_sections_says_nothing(text: str) -> None:
    assert list(sections(text)) == []
    assert not between(text, Version("0.1.0"), Version("0.2.0"))
