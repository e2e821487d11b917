"""What the program imports, it declares: another package's dependencies may go."""

from __future__ import annotations

import ast
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
DECLARED = {canonicalize_name(r.name): r for r in map(Requirement, PROJECT["dependencies"])}


def imported() -> set[str]:
    found: set[str] = set()
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - {"mlops_scaffold"}


def test_every_import_is_a_declared_dependency_and_the_other_way_round() -> None:
    distributions = packages_distributions()
    needed = {canonicalize_name(distributions[module][0]) for module in imported()}
    assert needed == set(DECLARED)


def test_copier_stays_below_its_next_major_version() -> None:
    specifier = DECLARED[canonicalize_name("copier")].specifier
    assert Version("10.0.0") not in specifier
    assert Version("9.19.1") in specifier
