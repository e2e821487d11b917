"""A `make` that records what it was asked and does nothing, for the workflows that act runs.

So a workflow's events, matrix, order, conditions and environment are proved in seconds, and what it
asks of `make` is then run once, where everything is set up.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_MAKE = """\
#!{python} -IS
import hashlib, json, os, shutil, subprocess, sys, time

words = sys.argv[1:]
folder = {folder!r}
version = subprocess.run(
    ["python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
    capture_output=True, text=True, check=False,
).stdout.strip()
call = {{"words": words, "cwd": os.getcwd(), "env": dict(os.environ), "python": version}}
name = f"{{time.time_ns()}}-{{os.getpid()}}"
with open(f"{{folder}}/calls/{{name}}.part", "w") as file:
    json.dump(call, file)
os.rename(f"{{folder}}/calls/{{name}}.part", f"{{folder}}/calls/{{name}}.json")
print("make", *words, "(recorded)")
made = f"{{folder}}/made/" + hashlib.sha256(" ".join(words).encode()).hexdigest()
if os.path.isdir(made):
    shutil.copytree(made, os.getcwd(), dirs_exist_ok=True)
"""
# What act and the machine put into every job.
_NOT_THE_WORKFLOWS = ("GITHUB_", "RUNNER_", "ACTIONS_", "ACT", "INPUT_", "XDG_", "ImageOS")
_NOT_THE_WORKFLOWS_EITHER = frozenset(
    ("PATH", "HOME", "PWD", "OLDPWD", "SHLVL", "_", "CI", "LANG", "LC_CTYPE")
)


@dataclass(frozen=True)
class Call:
    """One call of `make` in a job."""

    words: tuple[str, ...]
    env: tuple[tuple[str, str], ...]  # what the workflow sets
    job: str
    event: str
    python: str  # X.Y of `python3` in the job
    inside: bool  # called at the top of the project

    @property
    def targets(self) -> tuple[str, ...]:
        return tuple(word for word in self.words if "=" not in word and not word.startswith("-"))

    @property
    def plain(self) -> bool:
        """Whether nothing was asked but targets."""
        return self.inside and not self.env and self.targets == self.words


class Recorder:
    """The recording `make`, in a folder of its own."""

    def __init__(self, folder: Path, known: Mapping[str, str]) -> None:
        """Make it; `known` are the variables that do not come from the workflow."""
        self._folder = folder
        self._known = known
        self._read: set[str] = set()
        for name in ("bin", "calls", "made"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        make = self.bin / "make"
        make.write_text(_MAKE.format(python=sys.executable, folder=str(folder)))
        make.chmod(0o755)

    @property
    def bin(self) -> Path:
        """The folder that goes first on PATH."""
        return self._folder / "bin"

    def calls(self) -> list[Call]:
        """The calls since this was last asked, in their order."""
        paths = sorted((self._folder / "calls").glob("*.json"))
        new = [path for path in paths if path.name not in self._read]
        self._read |= {path.name for path in new}
        return [self._call(json.loads(path.read_text())) for path in new]

    def _call(self, said: dict[str, object]) -> Call:
        env: dict[str, str] = dict(said["env"])  # type: ignore[call-overload]  # as written above
        own = {
            key: value
            for key, value in env.items()
            if not key.startswith(_NOT_THE_WORKFLOWS)
            and key not in _NOT_THE_WORKFLOWS_EITHER
            and self._known.get(key) != value
        }
        return Call(
            words=tuple(said["words"]),  # type: ignore[arg-type]
            env=tuple(sorted(own.items())),
            job=env.get("GITHUB_JOB", ""),
            event=env.get("GITHUB_EVENT_NAME", ""),
            python=str(said["python"]),
            inside=str(said["cwd"]) == env.get("GITHUB_WORKSPACE"),
        )

    def give(self, call: Call, project: Path, files: list[str]) -> None:
        """Put files that a call really makes where the recording `make` finds them next time."""
        name = hashlib.sha256(" ".join(call.words).encode()).hexdigest()
        target = self._folder / "made" / name
        for file in files:
            (target / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(project / file, target / file)
