"""What to prove, and in which order: for `make prove`, and for CI within its time."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import date
from pathlib import Path

from . import records
from .budget import unit_seconds
from .domain import StepResult
from .prove import Task
from .shell import cache_dir, locked
from .standing import Pair, Standing


def tasks(
    root: Path,
    pairs: Sequence[Pair],
    found: Iterable[Standing],
    steps: Collection[str],
    *,
    fresh: bool = False,
) -> list[Task]:
    """The steps among `steps` that are not proved (all of them, if `fresh`), by answer set."""
    wanted: dict[tuple[str, str], list[str]] = {}
    for each in found:
        if each.step in steps and (fresh or not each.proved):
            wanted.setdefault((each.template, each.answer_set), []).append(each.step)
    return [
        Task(spec, answers, tuple(wanted[spec.slug, answers.name]), known)
        for spec, answers in pairs
        if (spec.slug, answers.name) in wanted
        for known in [records.sound(root, spec.slug).get(answers.name, {})]
    ]


def in_line(waiting: Collection[str], todo: Iterable[Task]) -> list[Task]:
    """Default answers before all others; there, what did not fit last time, then the cheapest."""

    def place(task: Task) -> tuple[bool, bool, float]:
        others = bool(task.answers.answers)
        return (others, _name(task) not in waiting, unit_seconds(task.steps, task.known))

    return sorted(todo, key=place)


def stalest(found: Iterable[Standing]) -> str | None:
    """The template, all proved with its default answers, whose proof there is the oldest."""
    dates: dict[str, date] = {}
    unproved = set()
    for each in found:
        if each.answer_set != "defaults":
            continue
        if each.record is None or not each.proved:
            unproved.add(each.template)
        else:
            dates[each.template] = min(dates.get(each.template, date.max), each.record.date)
    proved = [template for template in dates if template not in unproved]
    return min(proved, key=lambda template: (dates[template], template), default=None)


def waiting() -> set[str]:
    """The answer sets for which the last run on this machine had no time."""
    file = cache_dir() / "waiting.json"
    return set(json.loads(file.read_text())) if file.is_file() else set()


def keep_waiting(considered: Iterable[Task], results: Iterable[StepResult]) -> None:
    """Remember what there was no time for; what this run did not consider waits as before."""
    left = {f"{each.template}/{each.answer_set}" for each in results if each.status == "unproved"}
    with locked("waiting"):
        kept = waiting() - {_name(task) for task in considered}
        (cache_dir() / "waiting.json").write_text(json.dumps(sorted(kept | left)))


def _name(task: Task) -> str:
    return f"{task.spec.slug}/{task.answers.name}"
