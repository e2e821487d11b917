"""`docs/proof.md`: what is recorded as proved, when it was, and the figures, for people to read."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from . import records, spec
from .domain import Spec
from .records import LASTS_DAYS, Record, Records
from .steps import STEPS, steps_of

_HEAD = f"""\
# State of the proof

Every template is [proved](../tests/proof/README.md) as the product that it is: rendered, linted,
run, tested, built into an image and upgraded, from a fresh clone with the network cut. This page
is written by `make prove` from [the records](../tests/proof/records). A record holds for
{LASTS_DAYS} days, and only as long as nothing changes that could change its outcome; `make
prove-state` says which hold now.
"""
_SECONDS = """\
Seconds are those of a machine with two cores that proved two templates at a time; minutes are those
of one worker for all steps.
"""
_FIGURES = {
    "tests": "tests",
    "coverage_pct": "lines covered, %",
    "test_s": "`make test`, s",
    "test_cpu_s": "of CPU, s",
    "demo_s": "`make demo`, s",
    "install_s": "set-up, s",
    "image_mb": "image, MB",
    "upgrades": "versions upgraded from",
}


def path(root: Path) -> Path:
    return root / "docs" / "proof.md"


def write(root: Path) -> None:
    """Write the page, if it is not what it should be."""
    file, text = path(root), markdown(root)
    if not file.is_file() or file.read_text(encoding="utf-8") != text:
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")


def markdown(root: Path) -> str:
    """The page, which depends on nothing but the records and the names of answer sets."""
    templates = [spec.load(root, slug) for slug in spec.templates(root)]
    known = [records.sound(root, template.slug) for template in templates]
    return "\n".join(
        (
            _HEAD,
            "## When each step was last proved, with the default answers\n",
            *_table(("template", *STEPS, "other answers"), map(_dates, templates, known)),
            "\n## Figures, with the default answers\n",
            _SECONDS,
            *_table(
                ("template", *_FIGURES.values(), "whole proof, min"),
                map(_figures, templates, known),
            ),
            "",
        )
    )


def _dates(template: Spec, known: Records) -> list[str]:
    usual = known.get("defaults", {})
    days = [usual[step].date.isoformat() if step in usual else "never" for step in STEPS]
    others = template.answer_sets[1:]
    whole = sum({*known.get(each.name, {})} >= {*steps_of(each, deep=False)} for each in others)
    return [f"`{template.slug}`", *days, f"{whole} of {len(others)} sets"]


def _figures(template: Spec, known: Records) -> list[str]:
    usual: dict[str, Record] = known.get("defaults", {})
    figures = {name: value for each in usual.values() for name, value in each.figures.items()}
    seconds = sum(each.seconds for each in usual.values()) + float(figures.get("install_s", 0))
    cells = [str(figures.get(name, "-")) for name in _FIGURES]
    return [f"`{template.slug}`", *cells, f"{seconds / 60:.1f}" if usual else "-"]


def _table(head: Iterable[str], rows: Iterable[list[str]]) -> list[str]:
    cells = [*head]
    lines = [cells, ["---"] + ["---:"] * (len(cells) - 1), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]
