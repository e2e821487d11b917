"""One template with one answer set: its scratch folder, and what several steps share in it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from . import images, shell
from .records import AnswerSet, Spec
from .shell import Done

SETUP_LIMIT = 600.0


class BrokenTemplateError(Exception):
    """What a step builds upon does not work; the message is that step's finding."""


@dataclass(frozen=True)
class Unit:
    """What is proved: a template of the checkout at `root`, with one set of answers.

    `scratch` is outside of any repository, so that no settings of ours reach what is rendered
    into it. `results` (in `.proof/`) holds logs and figures.
    """

    root: Path
    spec: Spec
    answers: AnswerSet
    scratch: Path
    results: Path
    every_event: bool = False  # also run the workflow's scheduled jobs, and its whole matrix
    constraints: Path | None = None  # prove with these pins in place of the template's
    _made: dict[str, Path] = field(default_factory=dict)

    @property
    def slug(self) -> str:
        return self.spec.slug

    @property
    def project_name(self) -> str:
        name: str = self.answers.answers.get("project_name", self.slug)
        return name

    def env(self) -> dict[str, str]:
        return shell.clean_env(self.scratch / "home")

    def run(
        self,
        *command: str,
        cwd: Path,
        log: str,
        timeout: float = 300,
        offline: bool = False,
        extra: Mapping[str, str] = MappingProxyType({}),
    ) -> Done:
        """Run a command in the empty environment (plus `extra`), logged under `log`."""
        return shell.run(
            command,
            cwd=cwd,
            env=self.env() | dict(extra),
            log=self.results / "logs" / f"{log}.log",
            timeout=timeout,
            offline=offline,
        )

    def rendered(self) -> Path:
        """The rendered repository with one commit, made by the command line."""
        if "rendered" not in self._made:
            target = self.render_into("rendered")
            if self.constraints is not None:
                shutil.copy(self.constraints, target / "constraints.txt")
            _commit(target)
            self._made["rendered"] = target
        return self._made["rendered"]

    def render_into(self, name: str, answers: AnswerSet | None = None) -> Path:
        """Render into a folder of its own, perhaps with other answers.

        Raises:
            BrokenTemplateError: It can't be rendered.
        """
        unit = self if answers is None else replace(self, answers=answers)
        target = self.scratch / name / unit.project_name
        target.parent.mkdir(parents=True, exist_ok=True)
        done = render(unit, target, "--no-git")
        if done.code != 0:
            message = f"`mlops-scaffold new` failed:\n{done.tail()}"
            raise BrokenTemplateError(message)
        return target

    def _clone(self, name: str) -> Path:
        target = self.scratch / name / self.project_name
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        _git("clone", "--quiet", "--no-hardlinks", str(self.rendered()), str(target))
        _git("-C", str(target), "remote", "remove", "origin")
        return target

    @contextmanager
    def clone(self, name: str) -> Iterator[Path]:
        """A fresh clone of the rendered repository; what grew in it, gigabytes, leaves with it."""
        target = self._clone(name)
        try:
            yield target
        finally:
            shutil.rmtree(target, ignore_errors=True)
            shell.forget_superseded()

    def engine(self) -> dict[str, str]:
        """The settings of this unit's own store of images.

        Raises:
            SkipStepError: There can be none here.
        """
        return images.engine_env(self.scratch / "containers")

    def installed(self) -> Path:
        """A fresh clone in which `make setup` was run; its time is in `setup_seconds`."""
        if "installed" not in self._made:
            target = self._clone("clone")
            done = self.run("make", "setup", cwd=target, log="setup", timeout=SETUP_LIMIT)
            if done.code != 0:
                message = f"`make setup` failed (exit {done.code}):\n{done.tail()}"
                raise BrokenTemplateError(message)
            (self.scratch / "setup_seconds").write_text(f"{done.seconds:.1f}")
            self._made["installed"] = target
        return self._made["installed"]


def program(unit: Unit, *arguments: str, cwd: Path, log: str) -> Done:
    """Call the checkout's own `mlops-scaffold`."""
    command = (sys.executable, "-m", "mlops_scaffold", *arguments)
    return unit.run(*command, cwd=cwd, log=log, extra={"PYTHONPATH": str(unit.root / "src")})


def render(unit: Unit, target: Path, *options: str) -> Done:
    """Render as people do: with the command line, no question asked."""
    answers = [f"{key}={_text(value)}" for key, value in unit.answers.answers.items()]
    data = [part for each in answers for part in ("-d", each)]
    call = ("new", unit.slug, str(target), "--defaults", *data, *options)
    return program(unit, *call, cwd=target.parent, log="new")


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _commit(folder: Path) -> None:
    _git("-C", str(folder), "init", "--quiet", "--initial-branch=main")
    _git("-C", str(folder), "add", "--all")
    _git("-C", str(folder), "commit", "--quiet", "--message", "Start from the template")


def _git(*arguments: str) -> str:
    """Git with none of this machine's settings."""
    env = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_SYSTEM": "/dev/null",
        **{f"GIT_{who}_NAME": "Proof" for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_EMAIL": "proof@example.invalid" for who in ("AUTHOR", "COMMITTER")},
    }
    done = subprocess.run(["git", *arguments], env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        message = f"git {' '.join(arguments)}: {done.stderr.strip()}"
        raise RuntimeError(message)
    return done.stdout


git = _git
