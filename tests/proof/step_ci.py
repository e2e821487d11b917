"""Step 4, CI: the generated workflows are linted, and run job by job in a clean clone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from packaging.version import Version

from . import actions, images, tools
from .records import AnswerSet, Outcome, SkipStepError
from .spec import SHARED
from .unit import Unit

_RUN_LIMIT = 1200.0
_EVENTS = ("push", "schedule")  # one of them is enough, unless all are asked for
_ENDED = re.compile(r"\[[^/\]]+/([^\]]+?)\s*\]\s+🏁\s+Job (succeeded|failed)")


def prove(unit: Unit) -> Outcome:
    """Lint every workflow, then run its events with act, stand-ins in place of setup actions.

    An answer set with the workflows of the defaults has them linted only: they were run there, and
    what they call, `make` with its targets, is what the other steps call for this set, too.
    """
    images.need_packages(unit.spec.packages)
    with unit.clone("ci") as folder:
        return _prove(unit, folder)


def _prove(unit: Unit, folder: Path) -> Outcome:
    workflows = sorted((folder / ".github" / "workflows").glob("*.y*ml"))
    findings = [*lint(unit, folder)]
    uses = {path: actions.used(path) for path in workflows}
    for path in workflows:
        findings += actions.pin_findings(path, uses[path])
    if not workflows or findings:
        return Outcome((*findings, *(() if workflows else ("there is no workflow",))))
    if unit.answers.answers and not _special(unit, folder):
        return Outcome((), {"jobs_run": "as at the defaults"})
    ran: dict[str, bool] = {}
    for path in workflows:
        findings += _execute(unit, folder, path, uses[path], ran)
    return Outcome(tuple(findings), {"jobs": len(ran), "jobs_run": ", ".join(sorted(ran))})


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


def _special(unit: Unit, folder: Path) -> bool:
    """Whether the workflows are others than with the default answers, and the same names."""
    names = {key: value for key, value in unit.answers.answers.items() if key in SHARED}
    target = unit.render_into("usual", AnswerSet("defaults", names))
    return _workflows(target) != _workflows(folder)


def _workflows(folder: Path) -> dict[str, bytes]:
    inside = folder / ".github"
    files = sorted(path for path in inside.rglob("*") if path.is_file())
    return {str(path.relative_to(inside)): path.read_bytes() for path in files}


def _execute(
    unit: Unit, folder: Path, path: Path, uses: list[actions.Use], ran: dict[str, bool]
) -> Iterator[str]:
    workflow: dict[Any, Any] = yaml.safe_load(path.read_text())
    triggers = workflow.get("on", workflow.get(True, {}))  # YAML 1.1 reads `on` as true
    there = [event for event in _EVENTS if event in triggers]
    wanted = there if unit.every_event else there[:1]
    shims = unit.scratch / "actions"
    common = [
        *("-P", "ubuntu-latest=-self-hosted", "--action-offline-mode", "--no-cache-server"),
        *("--workflows", str(path), *_matrix(unit, workflow)),
        *actions.stand_ins(uses, shims),
        *_image_options(unit, folder, shims),
    ]
    before = set(ran)
    for event in wanted:
        command = [str(tools.bin_dir() / "act"), event, *common]
        done = unit.run(
            *command,
            cwd=folder,
            log="act",
            timeout=_RUN_LIMIT,
            extra=dict.fromkeys(("XDG_CACHE_HOME", "XDG_CONFIG_HOME"), str(unit.scratch / "act")),
        )
        jobs = {name: how == "succeeded" for name, how in _ENDED.findall(done.output)}
        ran |= jobs
        failed = ", ".join(name for name, well in jobs.items() if not well)
        if done.code != 0:
            which = f" ({failed})" if failed else ""
            yield f"{path.name} on {event} fails{which}:\n{_why(done.output)}"
    if set(ran) == before:
        yield f"{path.name}: no job was run by {' or '.join(wanted) or 'push or schedule'}"


def _why(output: str) -> str:
    """The lines around act's first failing step, without its decoration."""
    lines = [re.sub(r"^\[[^]]*\]\s*(\|\s?)?", "", line) for line in output.splitlines()]
    failing = [at for at, line in enumerate(lines) if "❌" in line or "Error:" in line]
    end = (failing[0] if failing else len(lines)) + 1
    return "\n".join(lines[max(0, end - 20) : end])


def _matrix(unit: Unit, workflow: dict[Any, Any]) -> list[str]:
    """The newest interpreter of the matrix by default, as `run` takes this one; else all here."""
    options: list[str] = []
    for job in workflow.get("jobs", {}).values():
        for key, values in job.get("strategy", {}).get("matrix", {}).items():
            if "python" not in key:
                continue
            found = sorted(
                (each for each in map(str, values) if each in actions.interpreters()), key=Version
            )
            wanted = found if unit.every_event else found[-1:]
            options += [part for each in wanted for part in ("--matrix", f"{key}:{each}")]
    return options


def _image_options(unit: Unit, folder: Path, shims: Path) -> list[str]:
    """Let `make image` in a job use buildah, where that is to be had."""
    try:
        env = unit.engine()
        for base in images.bases(folder / "Dockerfile"):
            images.provide(base)
    except SkipStepError:
        return []
    images.write_buildah_wrapper(shims)
    settings = env | {"CONTAINER_ENGINE": str(shims / "buildah")}
    return [part for key, value in settings.items() for part in ("--env", f"{key}={value}")]
