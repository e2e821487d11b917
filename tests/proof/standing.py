"""Where each step stands: proved and when, or not, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from . import records
from .domain import AnswerSet, Spec
from .keys import Inputs, inputs, key
from .records import LASTS_DAYS, Record
from .rendering import Job, digests
from .steps import steps_of

Pair = tuple[Spec, AnswerSet]


@dataclass(frozen=True)
class Standing:
    """One step of one template with one answer set."""

    template: str
    answer_set: str
    step: str
    inputs: Inputs
    record: Record | None = None  # the last one, which may no longer hold
    why: str = ""  # not proved; nothing if it is

    @property
    def proved(self) -> bool:
        return not self.why


def today() -> date:
    return datetime.now(UTC).date()


def standings(
    root: Path, pairs: Sequence[Pair], *, deep: bool = False, day: date | None = None
) -> list[Standing]:
    """Where every step of these answer sets stands, by the tree as it is."""
    rendered = digests(root, [_job(*pair) for pair in pairs])
    return [
        each
        for digest, pair in zip(rendered, pairs, strict=True)
        for each in of_pair(root, pair, digest, deep=deep, day=day)
    ]


def of_pair(
    root: Path, pair: Pair, rendered: str, *, deep: bool = False, day: date | None = None
) -> list[Standing]:
    """Where every step of one answer set stands; `rendered` is the digest of its project."""
    template, answers = pair
    known = records.sound(root, template.slug).get(answers.name, {})
    found = []
    for step in steps_of(answers, deep=deep):
        wanted = inputs(root, template, answers, step, rendered)
        record = known.get(step)
        why = _why(record, wanted, deep=deep, day=day or today())
        found.append(Standing(template.slug, answers.name, step, wanted, record, why))
    return found


def _job(template: Spec, answers: AnswerSet) -> Job:
    name = str(answers.answers.get("project_name", template.slug))
    return Job(template.slug, answers.answers, name)


def _why(record: Record | None, wanted: Mapping[str, str], *, deep: bool, day: date) -> str:
    """Why a record does not hold, nothing if it does."""
    if record is None:
        return "never proved"
    changed = [kind for kind in wanted if record.inputs.get(kind) != wanted[kind]]
    changed += [kind for kind in record.inputs if kind not in wanted]
    if changed:
        return f"changed: {', '.join(changed)}"
    if record.key != key(dict(wanted), deep=record.deep):
        return "another key"
    if deep and not record.deep:
        return "proved without real CI jobs"
    if record.age(day) > LASTS_DAYS:
        return f"proved on {record.date}, more than {LASTS_DAYS} days ago"
    return ""


def missing(found: Iterable[Standing]) -> list[str]:
    """A line for each answer set with steps that are not proved."""
    rows: dict[str, dict[str, list[str]]] = {}
    for each in found:
        if not each.proved:
            name = f"{each.template}/{each.answer_set}"
            rows.setdefault(name, {}).setdefault(each.why, []).append(each.step)
    return [
        f"{name}: " + "; ".join(f"{', '.join(steps)} ({why})" for why, steps in whys.items())
        for name, whys in rows.items()
    ]
