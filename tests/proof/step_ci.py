"""Step 4, CI: the generated workflows are linted and run, with a `make` that only records.

What they ask of `make` is then run once, unless another step does so. A deep proof also runs the
real jobs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from packaging.version import Version

from . import actions, images, pythons, tools
from .debian import need_packages
from .domain import AnswerSet, Outcome, SkipStepError
from .makefile import targets
from .recorder import Call, Recorder
from .shell import Done
from .spec import SHARED
from .unit import Unit, git

_JOB_LIMIT = 1200.0
_RECORDED_LIMIT = 120.0
_CALL_LIMIT = 600.0
_EVENTS = ("push", "schedule", "pull_request", "workflow_dispatch")
_MAIN_EVENTS = 2  # the first of these that a workflow has is the one whose calls are run
# What a workflow may ask for that the steps read, run, newest and ship do themselves.
_PROVED = frozenset(("setup", "lint", "typecheck", "test", "demo", "image"))
_REQUIRED = ("lint", "typecheck", "test", "image")
_CI = {"CI": "true", "GITHUB_ACTIONS": "true"}
_PULL_REQUEST = {"number": 1, "base": {"ref": "main"}, "head": {"ref": "change"}}
_ENDED = re.compile(r"\[[^/\]]+/([^\]]+?)\s*\]\s+🏁\s+Job (succeeded|failed)")


@dataclass(frozen=True)
class _Workflow:
    """A workflow, and how its events went when last tried."""

    path: Path
    uses: list[actions.Use]
    events: list[str]
    runs: dict[str, tuple[Done, list[Call]]]

    @property
    def main(self) -> str:
        """The event whose calls are run."""
        return self.events[0]

    def failed(self) -> list[str]:
        return [event for event, (done, _) in self.runs.items() if done.code != 0]


def prove(unit: Unit) -> Outcome:
    """Lint every workflow, run its events, and run what no other step has run."""
    need_packages(unit.spec.packages)
    with unit.clone("ci") as folder:
        workflows = [_read(path) for path in _paths(folder)]
        findings = [*lint(unit, folder)]
        for each in workflows:
            findings += actions.pin_findings(each.path, each.uses)
            if not each.events:
                findings.append(f"{each.path.name}: none of {', '.join(_EVENTS)} starts it")
        if not workflows or findings:
            return Outcome((*findings, *(() if workflows else ("there is no workflow",))))
        recorded = _Recorded(unit, folder, workflows)
        outcome = recorded.prove()
        if not unit.deep or outcome.findings:
            return outcome
        real = _real_jobs(unit, folder, workflows)
        return Outcome(real.findings, outcome.figures | real.figures)


def _paths(folder: Path) -> list[Path]:
    return sorted((folder / ".github" / "workflows").glob("*.y*ml"))


def _read(path: Path) -> _Workflow:
    workflow: dict[Any, Any] = yaml.safe_load(path.read_text())
    triggers = workflow.get("on", workflow.get(True, {}))  # YAML 1.1 reads `on` as true
    return _Workflow(path, actions.used(path), [e for e in _EVENTS if e in triggers], {})


def lint(unit: Unit, folder: Path) -> Iterator[str]:
    """What actionlint (with shellcheck), zizmor and the workflow schema have to say."""
    commands = tools.bin_dir()
    workflows = sorted(str(path) for path in (folder / ".github/workflows").glob("*.y*ml"))
    shellcheck = f"-shellcheck={commands / 'shellcheck'}"
    for name, *arguments in (
        ("actionlint", shellcheck, "-color=false", *workflows),
        ("zizmor", "--offline", "--no-progress", "--color=never", str(folder / ".github")),
        ("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *workflows),
    ):
        done = unit.run(str(commands / name), *arguments, cwd=folder, log=name)
        if done.code != 0:
            yield f"{name} finds fault (exit {done.code}):\n{done.tail(20)}"


class _Recorded:
    """The workflows, run with a `make` that records."""

    def __init__(self, unit: Unit, folder: Path, workflows: Sequence[_Workflow]) -> None:
        self._unit = unit
        self._folder = folder
        self._workflows = workflows
        self._recorder = Recorder(unit.scratch / "recorder", unit.env())
        self._ran: set[Call] = set()
        self._jobs: set[str] = set()

    def prove(self) -> Outcome:
        """Run every event, then the calls that are left, then again what lacked their files."""
        for workflow in self._workflows:
            for event in workflow.events:
                self._run(workflow, event)
        findings = [*self._asked_findings()]
        while not findings and (left := self._left()):
            findings += self._really(left)
            for workflow in self._workflows:
                for event in workflow.failed():
                    self._run(workflow, event)
        for workflow in self._workflows:
            for event in workflow.failed():
                said = _why(workflow.runs[event][0].output)
                findings.append(f"{workflow.path.name} on {event} fails:\n{said}")
        called = sorted({" ".join(call.targets) for call in self._ran})
        return Outcome(
            tuple(findings), {"jobs": len(self._jobs), "ci_targets": ", ".join(called) or "none"}
        )

    def _run(self, workflow: _Workflow, event: str) -> None:
        payload = self._unit.scratch / "event.json"
        payload.write_text(
            json.dumps({"pull_request": _PULL_REQUEST} if event == "pull_request" else {})
        )
        options = [
            *("--eventpath", str(payload)),
            *actions.stand_ins(workflow.uses, self._unit.scratch / "actions"),
        ]
        path = {"PATH": f"{self._recorder.bin}:{self._unit.env()['PATH']}"}
        done = _act(self._unit, self._folder, workflow, event, options, path, _RECORDED_LIMIT)
        self._jobs |= {f"{workflow.path.name} {event} {name}" for name in _jobs(done)}
        workflow.runs[event] = (done, self._recorder.calls())
        if not _jobs(done):
            failed = Done(done.code or 1, f"no job was run\n{done.output}", done.seconds)
            workflow.runs[event] = (failed, workflow.runs[event][1])

    def _asked_findings(self) -> Iterator[str]:
        """What the workflows ask for exists, and on a push it is what the contract wants."""
        there = targets(self._unit, self._folder)
        pushed: list[Call] = []
        for workflow in self._workflows:
            for event, (_, calls) in workflow.runs.items():
                pushed += calls if event == "push" else []
                where = f"{workflow.path.name} on {event}"
                for call in calls:
                    if not call.inside:
                        yield f"{where}: `make` is called in another folder than the project's"
                    for name in sorted({*call.targets} - there):
                        yield f"{where} fails: there is no target for `make {name}`"
        for name in _REQUIRED:
            if not any(name in call.targets for call in pushed):
                yield f"no workflow calls `make {name}` on a push"
        wanted = {pythons.OLDEST, pythons.NEWEST} & pythons.interpreters().keys()
        tested = {call.python for call in pushed if "test" in call.targets}
        for version in sorted(wanted - tested):
            yield f"no workflow calls `make test` with Python {version} on a push"

    def _left(self) -> list[Call]:
        """The calls of main events that neither another step nor this one has run, in order."""
        calls = [call for each in self._workflows for call in each.runs[each.main][1]]
        seen = {(call.words, call.env) for call in self._ran}
        left = []
        for call in calls:
            if (call.plain and {*call.targets} <= _PROVED) or (call.words, call.env) in seen:
                continue
            seen.add((call.words, call.env))
            left.append(call)
        return left

    def _really(self, calls: Sequence[Call]) -> Iterator[str]:
        """Run calls in a fresh clone with the network cut, and keep the files that they make."""
        unit = self._unit
        with unit.fresh("ci-targets") as place:
            for call in calls:
                self._ran.add(call)
                before = _made(place)
                done = unit.run(
                    *("make", *call.words),
                    cwd=place,
                    log="ci-targets",
                    timeout=_CALL_LIMIT,
                    offline=True,
                    extra=_CI | dict(call.env),
                )
                if done.code != 0:
                    asked = " ".join(call.words)
                    yield f"`make {asked}` of job {call.job} fails:\n{done.tail(20)}"
                after = _made(place)
                new = [name for name, state in after.items() if before.get(name) != state]
                self._recorder.give(call, place, new)


def _made(folder: Path) -> dict[str, tuple[int, int]]:
    """The files that git does not track, with what tells whether they have changed."""
    names = git("-C", str(folder), "ls-files", "--others", "-z", "--", ".", ":!.venv").split("\0")
    stats = {name: (folder / name).stat() for name in names if name and (folder / name).is_file()}
    return {name: (stat.st_mtime_ns, stat.st_size) for name, stat in stats.items()}


def _act(  # noqa: PLR0913, PLR0917, each is one plain part of the call
    unit: Unit,
    folder: Path,
    workflow: _Workflow,
    event: str,
    options: Sequence[str],
    extra: dict[str, str],
    limit: float,
) -> Done:
    """Run the jobs of a workflow's event on this machine, as it is."""
    own = dict.fromkeys(("XDG_CACHE_HOME", "XDG_CONFIG_HOME"), str(unit.scratch / "act"))
    return unit.run(
        *(str(tools.bin_dir() / "act"), event),
        *("-P", "ubuntu-latest=-self-hosted", "--action-offline-mode", "--no-cache-server"),
        *("--workflows", str(workflow.path), *options),
        cwd=folder,
        log="act",
        timeout=limit,
        extra=own | extra,
    )


def _jobs(done: Done) -> dict[str, bool]:
    """The jobs that were run, and whether they did well."""
    return {name: how == "succeeded" for name, how in _ENDED.findall(done.output)}


def _real_jobs(unit: Unit, folder: Path, workflows: Sequence[_Workflow]) -> Outcome:
    """Run every job for real, on a push and on schedule.

    An answer set with the workflows of the defaults has run them there: what they call is what the
    other steps call for this set, too.
    """
    if unit.answers.answers and not _special(unit, folder):
        return Outcome((), {"jobs_run": "as at the defaults"})
    findings: list[str] = []
    ran: dict[str, bool] = {}
    for workflow in workflows:
        shims = unit.scratch / "actions"
        parsed = yaml.safe_load(workflow.path.read_text())
        options = [
            *_matrix(parsed),
            *actions.stand_ins(workflow.uses, shims),
            *_image_options(unit, folder, shims),
        ]
        for event in (each for each in workflow.events if each in _EVENTS[:_MAIN_EVENTS]):
            done = _act(unit, folder, workflow, event, options, {}, _JOB_LIMIT)
            ran |= _jobs(done)
            if done.code != 0:
                failed = ", ".join(name for name, well in _jobs(done).items() if not well)
                which = f" ({failed})" if failed else ""
                said = _why(done.output)
                findings.append(f"the real {workflow.path.name} on {event} fails{which}:\n{said}")
    return Outcome(tuple(findings), {"jobs_run": ", ".join(sorted(ran))})


def _special(unit: Unit, folder: Path) -> bool:
    """Whether the workflows are others than with the default answers, and the same names."""
    names = {key: value for key, value in unit.answers.answers.items() if key in SHARED}
    target = unit.render_into("usual", AnswerSet("defaults", names))
    return _workflows(target) != _workflows(folder)


def _workflows(folder: Path) -> dict[str, bytes]:
    inside = folder / ".github"
    files = sorted(path for path in inside.rglob("*") if path.is_file())
    return {str(path.relative_to(inside)): path.read_bytes() for path in files}


def _why(output: str) -> str:
    """The lines around act's first failing step, without its decoration."""
    lines = [re.sub(r"^\[[^]]*\]\s*(\|\s?)?", "", line) for line in output.splitlines()]
    failing = [at for at, line in enumerate(lines) if "❌" in line or "Error:" in line]
    end = (failing[0] if failing else len(lines)) + 1
    return "\n".join(lines[max(0, end - 20) : end])


def _matrix(workflow: dict[Any, Any]) -> list[str]:
    """The interpreters of the matrix that are here."""
    options: list[str] = []
    for job in workflow.get("jobs", {}).values():
        for key, values in job.get("strategy", {}).get("matrix", {}).items():
            if "python" not in key:
                continue
            found = sorted(
                (each for each in map(str, values) if each in pythons.interpreters()), key=Version
            )
            options += [part for each in found for part in ("--matrix", f"{key}:{each}")]
    return options


def _image_options(unit: Unit, folder: Path, shims: Path) -> list[str]:
    """Let `make image` in a job use buildah, where that is to be had."""
    try:
        env = images.unit_env(unit)
        for base in images.bases(folder / "Dockerfile"):
            images.provide(base)
    except SkipStepError:
        return []
    images.write_buildah_wrapper(shims)
    settings = env | {"CONTAINER_ENGINE": str(shims / "buildah")}
    return [part for key, value in settings.items() for part in ("--env", f"{key}={value}")]
