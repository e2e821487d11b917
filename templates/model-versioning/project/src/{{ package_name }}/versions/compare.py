"""Compare two versions: parameters, figures, data."""

from dataclasses import asdict, dataclass
from typing import Any

from ..errors import IntegrityError
from . import pipeline, state
from .datadiff import DataDiff, diff
from .git import Git
from .state import State
from .store import Store

SHOWN = 8
"""How many columns are printed."""
IDS_SHOWN = 3
"""How many ids of rows are."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two states, side by side.

    Attributes:
        one: The first.
        other: The second.
        data: How the rows differ; `None` if the data is the same, or not to be had here.
        note: Why there is no `data`, or nothing.
    """

    one: State
    other: State
    data: DataDiff | None
    note: str


def compare(git: Git, store: Store, one: str, other: str) -> Comparison:
    """Compare two versions, revisions, or the working tree (`.`).

    Raises:
        StateError: One of them is not there.
    """
    first, second = (state.state(git, store, name) for name in (one, other))
    before, after = (side.tracked.get(pipeline.DATA) for side in (first, second))
    if before is None or after is None:
        return Comparison(first, second, None, "one of them has no data yet")
    if before.md5 == after.md5:
        return Comparison(first, second, None, "the data is the same")
    try:
        tables = [state.rows(git, store, side) for side in (first, second)]
    except IntegrityError as error:
        note = f"the data differs; its rows are not to be had: {error}"
        return Comparison(first, second, None, note)
    return Comparison(first, second, diff(*tables), "")


def changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Find what differs between two flat mappings; `None` stands for what is not there."""
    names = sorted({*before, *after})
    pairs = {name: (before.get(name), after.get(name)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def as_json(comparison: Comparison) -> dict[str, Any]:
    """Give all of it for programs."""
    return {
        "one": _side(comparison.one),
        "other": _side(comparison.other),
        "params": changes(comparison.one.params, comparison.other.params),
        "metrics": changes(comparison.one.metrics, comparison.other.metrics),
        "data": asdict(comparison.data) if comparison.data else None,
        "note": comparison.note,
    }


def as_text(comparison: Comparison) -> str:
    """Give what matters for people."""
    one, other = comparison.one, comparison.other
    lines = [f"{'':<26} {one.name:>14} {other.name:>14}", "parameters"]
    params = changes(one.params, other.params)
    lines += [f"  {name:<24} {a!s:>14} {b!s:>14}" for name, (a, b) in params.items()]
    lines += ["  (the same)"] * (not params) + ["metrics"]
    for name, (a, b) in changes(one.metrics, other.metrics).items():
        lines.append(f"  {name:<24} {number(a):>14} {number(b):>14} {_delta(a, b):>10}")
    lines += ["  (the same)"] * (one.metrics == other.metrics) + ["data"]
    if comparison.data is None:
        return "\n".join([*lines, f"  ({comparison.note})"])
    return "\n".join([*lines, *_data(comparison.data)])


def number(value: object) -> str:
    """Write a figure, or a dash if there is none."""
    if value is None:
        return "-"
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _data(data: DataDiff) -> list[str]:
    lines = [f"  {'rows':<24} {data.before:>14} {data.after:>14} {data.after - data.before:>+10}"]
    for name in ("added", "removed", "changed"):
        ids = getattr(data, name)
        shown = ", ".join(ids[:IDS_SHOWN]) + (", ..." if len(ids) > IDS_SHOWN else "")
        lines.append(f"  {f'{len(ids)} {name}':<24} {shown}".rstrip())
    lines.append(f"  {'mean of':<24} {'':>14} {'':>14} {'distance':>10}")
    for shift in data.shifts[:SHOWN]:
        means = f"{shift.before:>14.4g} {shift.after:>14.4g}"
        lines += [f"  {shift.column:<24} {means} {shift.distance:>10.3f}"]
    return lines


def _delta(one: object, other: object) -> str:
    if isinstance(one, int | float) and isinstance(other, int | float):
        whole = isinstance(one, int) and isinstance(other, int)
        return f"{other - one:+}" if whole else f"{other - one:+.4f}"
    return ""


def _side(side: State) -> dict[str, Any]:
    return {"name": side.name, "commit": side.commit, "metrics": side.metrics}
