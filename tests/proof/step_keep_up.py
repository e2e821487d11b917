"""Step 7, keep up: the pinned set is what gets installed, and so what was tested."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .domain import Outcome
from .unit import Unit

_PIN = re.compile(r"^([A-Za-z0-9][\w.-]*)==([\w.!+-]+)(?:\s*;\s*(.+))?$")
_INSTALLERS = frozenset(("pip", "setuptools", "wheel"))  # bring themselves, nothing runs on them


def prove(unit: Unit) -> Outcome:
    """Compare constraints.txt with what is installed and with what pyproject.toml asks for."""
    folder = unit.installed()
    pins: dict[str, set[str]] = {}
    findings: list[str] = []
    for number, line in enumerate((folder / "constraints.txt").read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if match := _PIN.match(line.strip()):
            pins.setdefault(canonicalize_name(match[1]), set()).add(match[2])
        else:
            findings.append(f"constraints.txt:{number}: not `name==version`: {line.strip()}")
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    findings += _installed_findings(unit, folder, pins, canonicalize_name(project["name"]))
    findings += _asked_findings(project, pins)
    return Outcome(tuple(findings), {"pins": len(pins)})


def _installed_findings(
    unit: Unit, folder: Path, pins: dict[str, set[str]], own: str
) -> Iterator[str]:
    query = (
        "import json, importlib.metadata as m;"
        "print(json.dumps({d.name: d.version for d in m.distributions()}))"
    )
    done = unit.run(".venv/bin/python", "-c", query, cwd=folder, log="installed")
    for name, version in sorted(json.loads(done.output.strip().splitlines()[-1]).items()):
        plain = canonicalize_name(name)
        if plain in _INSTALLERS or plain == own:
            continue
        if plain not in pins:
            yield f"{name} {version} is installed and tested, but not pinned in constraints.txt"
        elif version not in pins[plain]:
            yield f"{name} {version} is installed, constraints.txt pins {sorted(pins[plain])}"


def _asked_findings(project: dict[str, Any], pins: dict[str, set[str]]) -> Iterator[str]:
    """Direct dependencies have an honest lower bound, and are pinned within their range."""
    extras = project.get("optional-dependencies", {}).values()
    for text in (each for group in (project.get("dependencies", ()), *extras) for each in group):
        requirement = Requirement(text)
        name = canonicalize_name(requirement.name)
        if name == canonicalize_name(project["name"]):
            continue  # an extra that includes another one
        if not requirement.specifier and not requirement.url:
            yield f"pyproject.toml: {text!r} has no lower bound"
        versions = pins.get(name, set())
        if not versions and (requirement.marker is None or requirement.marker.evaluate()):
            yield f"pyproject.toml: {text!r} is not pinned in constraints.txt"
        for version in versions:
            if not requirement.specifier.contains(version, prereleases=True):
                yield f"constraints.txt: {name}=={version} is outside of {text!r}"
