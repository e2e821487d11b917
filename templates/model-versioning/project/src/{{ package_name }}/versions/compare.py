"""Compare two versions: parameters, metrics, data."""

from dataclasses import asdict, dataclass
from typing import Any

from ..errors import IntegrityError
from . import pipeline, state
from .datadiff import DataDiff, diff
from .git import Git
from .state import State
from .store import Store

MAX_COLUMNS = 8
"""How many columns are printed."""
MAX_IDS = 3
"""How many row ids are printed."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two states of the project, side by side.

    Attributes:
        one: The first state.
        other: The second state.
        data: How the rows differ; `None` if the data is the same or unavailable.
        note: Why `data` is `None`; otherwise empty.
    """

    one: State
    other: State
    data: DataDiff | None
    note: str


def compare(git: Git, store: Store, one: str, other: str) -> Comparison:
    """Compare two versions, revisions, or the working tree (`.`).

    Raises:
        StateError: One of them does not exist.
    """
    first, second = (state.load(git, store, name) for name in (one, other))
    before, after = (each.tracked.get(pipeline.DATA) for each in (first, second))
    if before is None or after is None:
        return Comparison(first, second, None, "one of them has no data yet")
    if before.md5 == after.md5:
        return Comparison(first, second, None, "the data is the same")
    try:
        tables = [state.read_rows(git, store, each) for each in (first, second)]
    except IntegrityError as error:
        note = f"the data differs, but its rows are unavailable: {error}"
        return Comparison(first, second, None, note)
    return Comparison(first, second, diff(*tables), "")


def changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Find the values that differ between two flat mappings; a missing value is `None`."""
    names = sorted({*before, *after})
    pairs = {name: (before.get(name), after.get(name)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def as_json(comparison: Comparison) -> dict[str, Any]:
    """Convert a comparison to JSON, in full."""
    return {
        "one": _state_as_json(comparison.one),
        "other": _state_as_json(comparison.other),
        "params": changes(comparison.one.params, comparison.other.params),
        "metrics": changes(comparison.one.metrics, comparison.other.metrics),
        "data": asdict(comparison.data) if comparison.data else None,
        "note": comparison.note,
    }


def as_text(comparison: Comparison) -> str:
    """Format the main results of a comparison."""
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
    return "\n".join([*lines, *_data_lines(comparison.data)])


def number(value: object) -> str:
    """Format a value, or a dash if there is none."""
    if value is None:
        return "-"
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _data_lines(data: DataDiff) -> list[str]:
    lines = [f"  {'rows':<24} {data.before:>14} {data.after:>14} {data.after - data.before:>+10}"]
    for name in ("added", "removed", "changed"):
        ids = getattr(data, name)
        shown = ", ".join(ids[:MAX_IDS]) + (", ..." if len(ids) > MAX_IDS else "")
        lines.append(f"  {f'{len(ids)} {name}':<24} {shown}".rstrip())
    lines.append(f"  {'mean of':<24} {'':>14} {'':>14} {'distance':>10}")
    for shift in data.shifts[:MAX_COLUMNS]:
        means = f"{shift.before:>14.4g} {shift.after:>14.4g}"
        lines += [f"  {shift.column:<24} {means} {shift.distance:>10.3f}"]
    return lines


def _delta(one: object, other: object) -> str:
    if isinstance(one, int | float) and isinstance(other, int | float):
        integers = isinstance(one, int) and isinstance(other, int)
        return f"{other - one:+}" if integers else f"{other - one:+.4f}"
    return ""


def _state_as_json(each: State) -> dict[str, Any]:
    return {"name": each.name, "commit": each.commit, "metrics": each.metrics}
