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

from . import shell
from .domain import AnswerSet, Spec
from .shell import Done

SETUP_LIMIT = 600.0


class BrokenTemplateError(Exception):
    """What a step builds upon does not work; the message is that step's finding."""


@dataclass
class Meter:
    """What a unit has used so far."""

    cpu_seconds: float = 0.0  # of all commands
    setup_seconds: float = 0.0  # of the set-up that the steps share
    setup_failure: str = ""


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
    deep: bool = False  # real CI jobs, scheduled ones too, and all tests after an upgrade
    constraints: Path | None = None  # prove with these pins in place of the template's
    meter: Meter = field(default_factory=Meter)
    _made: dict[str, Path] = field(default_factory=dict)

    @property
    def slug(self) -> str:
        return self.spec.slug

    @property
    def project_name(self) -> str:
        name: str = self.answers.answers.get("project_name", self.slug)
        return name

    def env(self, python: str = "") -> dict[str, str]:
        """The empty environment, with the oldest Python unless another is named."""
        return shell.clean_env(self.scratch / "home", python)

    def run(  # noqa: PLR0913, each is one plain part of a command
        self,
        *command: str,
        cwd: Path,
        log: str,
        timeout: float = 300,
        offline: bool = False,
        extra: Mapping[str, str] = MappingProxyType({}),
        python: str = "",
    ) -> Done:
        """Run a command in the empty environment (plus `extra`), logged under `log`."""
        done = shell.run(
            command,
            cwd=cwd,
            env=self.env(python) | dict(extra),
            log=self.results / "logs" / f"{log}.log",
            timeout=timeout,
            offline=offline,
        )
        self.meter.cpu_seconds += done.cpu_seconds
        return done

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

    def installed(self) -> Path:
        """The one clone in which `make setup` was run, with the oldest Python.

        Raises:
            BrokenTemplateError: It can't be set up.
        """
        if self.meter.setup_failure:
            raise BrokenTemplateError(self.meter.setup_failure)
        if "installed" not in self._made:
            target = self._clone("clone")
            done = self.run("make", "setup", cwd=target, log="setup", timeout=SETUP_LIMIT)
            self.meter.setup_seconds += done.seconds
            if done.code != 0:
                message = f"`make setup` failed (exit {done.code}):\n{done.tail()}"
                self.meter.setup_failure = message
                raise BrokenTemplateError(message)
            self._made["installed"] = target
        return self._made["installed"]

    @contextmanager
    def in_place(self, project: Path) -> Iterator[Path]:
        """Put `project` where the installed clone is, with the clone's `.venv` in it.

        An environment works only where it was made, and making one takes minutes. mypy's cache goes
        with it; most of what it holds is about the environment.

        Raises:
            BrokenTemplateError: `make setup` fails in it.
        """
        home = self.installed()
        aside = home.with_name(f".{home.name}-aside")
        home.rename(aside)
        project.rename(home)
        lent = [name for name in (".venv", ".mypy_cache") if (aside / name).exists()]
        for name in lent:
            (aside / name).rename(home / name)
        try:
            done = self.run("make", "setup", cwd=home, log="setup", timeout=SETUP_LIMIT)
            if done.code != 0:
                message = f"`make setup` fails in its place (exit {done.code}):\n{done.tail()}"
                raise BrokenTemplateError(message)
            yield home
        finally:
            for name in lent:
                (home / name).rename(aside / name)
            home.rename(project)
            aside.rename(home)

    @contextmanager
    def fresh(self, name: str) -> Iterator[Path]:
        """A fresh clone in the place of the installed one: only its `.venv` is not new."""
        with self.clone(name) as folder, self.in_place(folder) as place:
            yield place


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
