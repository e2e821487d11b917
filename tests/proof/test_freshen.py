"""Pins move to the newest versions, unless the template no longer proves itself with them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from . import freshen
from .test_harness import PROJECT, TESTS, Break, checkout

pytestmark = pytest.mark.proof

INSISTS = """

def test_insists_on_an_old_version() -> None:
    assert version("iniconfig") == "2.0.0"
"""


def pins_of_old(root: Path) -> Path:
    constraints = root / PROJECT / "constraints.txt"
    text = constraints.read_text()
    for old in ("iniconfig==2.0.0", "pluggy==1.6.0"):
        text = re.sub(rf"^{old.partition('==')[0]}==.*$", old, text, flags=re.MULTILINE)
    constraints.write_text(text)
    return constraints


def test_pins_move_when_all_is_well(tmp_path: Path) -> None:
    root = checkout(tmp_path / "catalog")
    constraints = pins_of_old(root)
    outcome = freshen.freshen(root, "tiny", lambda _: None)
    assert outcome.findings == ()
    assert any(re.fullmatch(r"pluggy 1\.6\.0 -> \S+", move) for move in outcome.moved)
    assert "pluggy==1.6.0" not in constraints.read_text()


def test_pins_stay_and_the_package_that_breaks_it_is_named(tmp_path: Path) -> None:
    root = checkout(tmp_path / "catalog")
    before_it = "from http.client import HTTPConnection\n"
    wanted = f"{before_it}from importlib.metadata import version\n"  # where the linter wants it
    Break(TESTS, "", wanted, before_it).apply(root)
    Break(TESTS, "", INSISTS).apply(root)
    constraints = pins_of_old(root)
    before = constraints.read_text()
    outcome = freshen.freshen(root, "tiny", lambda _: None)
    assert outcome.culprit.startswith("iniconfig 2.0.0 -> ")
    assert any("test_insists_on_an_old_version" in each for each in outcome.findings)
    assert constraints.read_text() == before
