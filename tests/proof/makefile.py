"""The targets of a project's Makefile."""

from __future__ import annotations

import re
from pathlib import Path

from .unit import Unit


def targets(unit: Unit, folder: Path) -> set[str]:
    """The targets that people call: make's own list of the phony ones."""
    done = unit.run("make", "-pRrqn", "help", cwd=folder, log="make-database")
    match = re.search(r"^\.PHONY: (.*)$", done.output, re.MULTILINE)
    return {name for name in (match[1].split() if match else []) if "$" not in name}
