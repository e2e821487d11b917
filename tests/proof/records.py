"""What was found green, recorded in the tree: `tests/proof/records/<slug>.yaml`.

The proof alone writes these files. Each entry carries a seal, a digest of all that it says and of
where it stands, so that an entry edited by hand, or moved to another step, is noticed.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

from .domain import Figures, StepResult
from .keys import Inputs, key
from .shell import locked

LASTS_DAYS = 30
_HEAD = "# Written by `make prove`, never by hand: a test compares each entry with its seal.\n"


class RecordsError(Exception):
    """A file of records is not what the proof writes; the message says where."""


@dataclass(frozen=True)
class Record:
    """A step that was green: with which inputs, when, and what it measured."""

    inputs: Inputs
    date: dt.date
    seconds: float
    cpu_seconds: float
    figures: Figures = field(default_factory=dict)
    deep: bool = False

    @property
    def key(self) -> str:
        return key(self.inputs, deep=self.deep)

    def age(self, today: dt.date) -> int:
        """In days."""
        return (today - self.date).days


Records = dict[str, dict[str, Record]]  # answer set -> step -> record


def path(root: Path, slug: str) -> Path:
    return root / "tests" / "proof" / "records" / f"{slug}.yaml"


def read(root: Path, slug: str) -> Records:
    """The records of a template.

    Raises:
        RecordsError: An entry does not fit its seal, or the file can't be read.
    """
    found, problems = _parse(path(root, slug), slug)
    if problems:
        raise RecordsError("\n".join(problems))
    return found


def sound(root: Path, slug: str) -> Records:
    """The records of a template, without entries that don't fit their seal."""
    return _parse(path(root, slug), slug)[0]


def write(root: Path, result: StepResult, record: Record | None) -> None:
    """Record a result, or with None forget what was recorded about its step."""
    file = path(root, result.template)
    file.parent.mkdir(parents=True, exist_ok=True)
    with locked("records"):
        found = sound(root, result.template)
        steps = found.setdefault(result.answer_set, {})
        if record is None:
            steps.pop(result.step, None)
        else:
            steps[result.step] = record
        part = file.with_suffix(f".part-{os.getpid()}")
        part.write_text(_text(result.template, found), encoding="utf-8")
        part.replace(file)


def prune(root: Path, there: Collection[tuple[str, str]]) -> None:
    """Forget templates and answer sets that are not among those that there are."""
    with locked("records"):
        for file in path(root, "any").parent.glob("*.yaml"):
            found = sound(root, file.stem)
            kept = {name: steps for name, steps in found.items() if (file.stem, name) in there}
            if not kept:
                file.unlink()
            elif kept != found:
                file.write_text(_text(file.stem, kept), encoding="utf-8")


def _text(slug: str, found: Records) -> str:
    """One line per entry, in a fixed order: two branches that prove different steps merge."""
    lines = [_HEAD]
    for name in sorted(found, key=lambda each: (each != "defaults", each)):
        lines.append(f"{name}:\n" if found[name] else f"{name}: {{}}\n")
        for step, record in sorted(found[name].items()):
            entry = asdict(record) | {"date": record.date.isoformat(), "key": record.key}
            entry["seal"] = _seal((slug, name, step), entry)
            lines.append(f"  {step}: {json.dumps(entry, sort_keys=True)}\n")
    return "".join(lines)


def _parse(file: Path, slug: str) -> tuple[Records, list[str]]:
    if not file.is_file():
        return {}, []
    where = f"tests/proof/records/{file.name}"
    try:
        data = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        entries = [
            (name, step, dict(entry))
            for name, steps in data.items()
            for step, entry in steps.items()
        ]
    except (yaml.YAMLError, AttributeError, TypeError, ValueError) as error:
        said = " ".join(str(error).split())
        return {}, [f"{where} can't be read ({said}); remove it and prove again"]
    found: Records = {name: {} for name in data}
    problems = []
    for name, step, entry in entries:
        record = _record((slug, name, step), entry)
        if record is None:
            problems.append(f"{where}: {name}, {step}: edited by hand; prove it again")
        else:
            found[name][step] = record
    return found, problems


def _record(place: tuple[str, str, str], entry: dict[str, Any]) -> Record | None:
    """The record that an entry holds, None if it does not fit its seal or its key."""
    seal, stated = entry.pop("seal", None), entry.get("key")
    if seal != _seal(place, entry):
        return None
    entry.pop("key")
    record = Record(**entry | {"date": dt.date.fromisoformat(entry["date"])})
    return record if record.key == stated else None


def _seal(place: tuple[str, str, str], entry: dict[str, Any]) -> str:
    text = json.dumps([*place, entry], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
