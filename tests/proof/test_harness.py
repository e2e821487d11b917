"""The harness is tested with a tiny template: it passes, and broken on purpose it fails.

Each break names the step that must notice, and what that step must say.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from . import spec
from .prove import STEPS, prove_unit, unit_for
from .records import StepResult

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def catalog(folder: Path) -> Path:
    """A checkout with the tiny template alone, on this project's program and shared parts."""
    shutil.copytree(HERE / "catalog", folder)
    (folder / "src").symlink_to(ROOT / "src")
    shutil.copytree(ROOT / "templates" / "_shared", folder / "templates" / "_shared")
    shutil.copy(ROOT / "copier.yml", folder)
    return folder


def run(root: Path, *steps: str, answers: str = "defaults") -> list[StepResult]:
    tiny = spec.load(root, "tiny")
    with unit_for(root, tiny, tiny.answer_set(answers)) as unit:
        return prove_unit(unit, steps, lambda _: None)
