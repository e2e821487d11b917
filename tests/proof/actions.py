"""Stand-ins for the setup actions, so that workflows run for real where there is no GitHub.

act brings `actions/checkout` itself. Every other action that a workflow uses needs an entry here:
its current major version, and the `run` steps that do on this machine what the action would.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from . import tools
from .pythons import interpreters

_USES = re.compile(
    r"^\s*(?:-\s+)?uses:\s*([\w.-]+/[\w.-]+)((?:/[\w.-]+)*)@(\S+)(?:\s+#\s*v?(\S+))?"
)

_PYTHON = """\
folder="{pythons}/${{{{ inputs.python-version }}}}"
if ! test -d "$folder"; then
  folder="{pythons}/{here}"
  echo "no Python ${{{{ inputs.python-version }}}} on this machine, {here} stands in"
fi
echo "$folder" >> "$GITHUB_PATH"
"$folder/python3" --version
"""
_UV = 'echo "{uv}" >> "$GITHUB_PATH"; "{uv}/uv" --version'
_UPLOAD = """\
while read -r path; do ls -ld $path; done <<'PATHS'
${{{{ inputs.path }}}}
PATHS
"""
_NOTHING = "true"


@dataclass(frozen=True)
class Action:
    """What the proof knows of one action: its newest major, and its stand-in's script."""

    major: int
    script: str | None  # None: act brings it
    inputs: tuple[str, ...] = ()


KNOWN = {
    "actions/checkout": Action(7, None),
    "actions/setup-python": Action(7, _PYTHON, ("python-version", "cache")),
    "actions/cache": Action(5, _NOTHING, ("path", "key", "restore-keys")),
    "actions/upload-artifact": Action(
        7, _UPLOAD, ("name", "path", "if-no-files-found", "retention-days")
    ),
    "astral-sh/setup-uv": Action(
        10, _UV, ("version", "enable-cache", "python-version", "cache-dependency-glob")
    ),
}


@dataclass(frozen=True)
class Use:
    """One `uses:` line of a workflow."""

    name: str
    path: str
    ref: str
    comment: str
    line: int


def used(workflow: Path) -> list[Use]:
    """The actions that a workflow uses, local ones left out."""
    found = []
    for number, line in enumerate(workflow.read_text().splitlines(), 1):
        if match := _USES.match(line):
            found.append(Use(match[1], match[2], match[3], match[4] or "", number))
    return found


def pin_findings(workflow: Path, uses: list[Use]) -> Iterator[str]:
    """Actions are known, pinned by commit with their version beside, and of the current major."""
    for use in uses:
        where = f"{workflow.name}:{use.line}: {use.name}"
        known = KNOWN.get(use.name)
        if known is None:
            yield f"{where} has no stand-in: add it to tests/proof/actions.py"
        elif not re.fullmatch(r"[0-9a-f]{40}", use.ref):
            yield f"{where} is not pinned by commit"
        elif not re.fullmatch(rf"{known.major}(\.\d+)*", use.comment):
            yield f"{where} is v{use.comment or '?'}, the current major is v{known.major}"


def stand_ins(uses: list[Use], folder: Path) -> list[str]:
    """Write a stand-in for each action used; returns act's options that put them in place."""
    pythons = _pythons(folder / "pythons")
    uv = folder / "uv"
    uv.mkdir(parents=True, exist_ok=True)
    if not (uv / "uv").exists():
        (uv / "uv").symlink_to(tools.bin_dir() / "uv")
    options = []
    for use in uses:
        known = KNOWN.get(use.name)
        if known is None or known.script is None:
            continue
        here = f"3.{sys.version_info.minor}"
        script = known.script.format(pythons=pythons, here=here, uv=uv)
        target = folder / use.name.replace("/", "+")
        (target / use.path.strip("/")).mkdir(parents=True, exist_ok=True)
        definition = _definition(use.name, known, script)
        (target / use.path.strip("/") / "action.yml").write_text(yaml.safe_dump(definition))
        options.append(f"--local-repository={use.name}@{use.ref}={target}")
    return sorted(set(options))


def _definition(name: str, action: Action, script: str) -> dict[str, Any]:
    return {
        "name": f"{name} stand-in",
        "description": "Does on this machine what the action would do on GitHub's",
        "inputs": {key: {"required": False, "default": ""} for key in action.inputs},
        "runs": {"using": "composite", "steps": [{"shell": "bash", "run": script}]},
    }


def _pythons(folder: Path) -> Path:
    """A folder per interpreter, as setup-python puts one of them first on PATH."""
    for version, python in interpreters().items():
        target = folder / version
        target.mkdir(parents=True, exist_ok=True)
        for name in ("python", "python3", f"python{version}"):
            if not (target / name).exists():
                (target / name).symlink_to(python)
    return folder
