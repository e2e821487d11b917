"""Differences between two states of the data: by row, and in the distribution of each column."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..data.table import Table

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shift:
    """The change of a column.

    Attributes:
        column: Name of the column; `label = X` stands for the share of rows with that label.
        before: Its mean before; for a label, its share.
        after: The same after.
        distance: Distance between the distributions, from 0 (the same) to 1: the Kolmogorov-Smirnov
            statistic; for a label, the difference of the shares.
    """

    column: str
    before: float
    after: float
    distance: float


@dataclass(frozen=True, slots=True)
class DataDiff:
    """The differences between two states of the data. Rows are matched by id.

    Attributes:
        before: Number of rows before.
        after: Number of rows after.
        added: Ids of new rows.
        removed: Ids of removed rows.
        changed: Ids of rows whose label or numbers changed.
        shifts: Every label and every column, the largest change first.
    """

    before: int
    after: int
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    shifts: tuple[Shift, ...]


def diff(one: Table, other: Table) -> DataDiff:
    """Compare two states of the data.

    Columns that only one of them has are not compared.
    """
    shared = [name for name in one.columns if name in other.columns]
    first, second = _by_id(one, shared), _by_id(other, shared)
    changed = [row_id for row_id, row in first.items() if second.get(row_id, row) != row]
    return DataDiff(
        before=len(one.ids),
        after=len(other.ids),
        added=tuple(row_id for row_id in other.ids if row_id not in first),
        removed=tuple(row_id for row_id in one.ids if row_id not in second),
        changed=tuple(changed),
        shifts=_shifts(one, other, shared),
    )


def distance(one: Floats, other: Floats) -> float:
    """Compute the Kolmogorov-Smirnov statistic: the distance between two samples.

    Args:
        one: Numbers, of shape (n,).
        other: Numbers, of shape (m,).
    """
    points = np.concatenate([one, other])
    cumulative = [
        np.searchsorted(np.sort(sample), points, side="right") / len(sample)
        for sample in (one, other)
    ]
    return float(np.abs(cumulative[0] - cumulative[1]).max())


def _by_id(table: Table, columns: list[str]) -> dict[str, tuple[str, bytes]]:
    values = table.values[:, [table.columns.index(name) for name in columns]]
    return {
        row_id: (label, row.tobytes())
        for row_id, label, row in zip(table.ids, table.labels, values, strict=True)
    }


def _shifts(one: Table, other: Table, shared: list[str]) -> tuple[Shift, ...]:
    shifts = []
    for label in sorted({*one.labels, *other.labels}):
        before, after = (t.labels.count(label) / len(t.labels) for t in (one, other))
        shifts.append(Shift(f"label = {label}", before, after, abs(before - after)))
    for name in shared:
        samples = tuple(t.values[:, t.columns.index(name)] for t in (one, other))
        before, after = (float(sample.mean()) for sample in samples)
        shifts.append(Shift(name, before, after, distance(*samples)))
    return tuple(sorted(shifts, key=lambda shift: -shift.distance))
