"""How two states of the data differ: row by row, and in the distribution of each column."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..data.table import Table

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shift:
    """How a column changed.

    Attributes:
        column: Its name; `label = X` stands for the share of rows with that label.
        before: Its mean on the one side; a label's share.
        after: The same on the other side.
        distance: Between the distributions, from 0 (the same) to 1: the largest difference of
            their cumulative shares (Kolmogorov and Smirnov); of a label, the difference of shares.
    """

    column: str
    before: float
    after: float
    distance: float


@dataclass(frozen=True, slots=True)
class DataDiff:
    """How two states of the data differ. Rows are told apart by their ids.

    Attributes:
        before: How many rows there were.
        after: How many there are.
        added: Ids that are new.
        removed: Ids that are gone.
        changed: Ids whose label or numbers are others.
        shifts: Every label and every column, the most changed first.
    """

    before: int
    after: int
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    shifts: tuple[Shift, ...]


def diff(one: Table, other: Table) -> DataDiff:
    """Compare two states of the data.

    Columns that only one of them has are left out of the comparison of rows.
    """
    shared = [name for name in one.columns if name in other.columns]
    first, second = _keyed(one, shared), _keyed(other, shared)
    changed = [name for name, row in first.items() if name in second and second[name] != row]
    return DataDiff(
        before=len(one.ids),
        after=len(other.ids),
        added=tuple(name for name in other.ids if name not in first),
        removed=tuple(name for name in one.ids if name not in second),
        changed=tuple(changed),
        shifts=_shifts(one, other, shared),
    )


def distance(one: Floats, other: Floats) -> float:
    """Measure how far apart two samples are: the statistic of Kolmogorov and Smirnov.

    Args:
        one: Numbers, of shape (n,).
        other: Numbers, of shape (m,).
    """
    points = np.concatenate([one, other])
    shares = [
        np.searchsorted(np.sort(sample), points, side="right") / len(sample)
        for sample in (one, other)
    ]
    return float(np.abs(shares[0] - shares[1]).max())


def _keyed(table: Table, columns: list[str]) -> dict[str, tuple[str, bytes]]:
    values = table.values[:, [table.columns.index(name) for name in columns]]
    return {
        name: (label, row.tobytes())
        for name, label, row in zip(table.ids, table.labels, values, strict=True)
    }


def _shifts(one: Table, other: Table, shared: list[str]) -> tuple[Shift, ...]:
    found = []
    for label in sorted({*one.labels, *other.labels}):
        before, after = (t.labels.count(label) / len(t.labels) for t in (one, other))
        found.append(Shift(f"label = {label}", before, after, abs(before - after)))
    for name in shared:
        sides = tuple(t.values[:, t.columns.index(name)] for t in (one, other))
        before, after = (float(side.mean()) for side in sides)
        found.append(Shift(name, before, after, distance(*sides)))
    return tuple(sorted(found, key=lambda shift: -shift.distance))
