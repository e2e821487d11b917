"""Rows in memory, whatever kind of file they came from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Table:
    """Rows that fit the contract.

    Attributes:
        ids: What each row is called; no two are the same.
        labels: What each row is; empty if nobody knows yet.
        columns: Names of the numbers, in the order of `values`.
        values: The numbers, of shape (rows, columns).
    """

    ids: tuple[str, ...]
    labels: tuple[str, ...]
    columns: tuple[str, ...]
    values: NDArray[np.float64]

    def take(self, chosen: NDArray[np.bool_]) -> "Table":
        """Give the rows where `chosen`, of shape (rows,), is true."""
        labels = self.labels or ("",) * len(self.ids)
        return Table(
            tuple(name for name, wanted in zip(self.ids, chosen, strict=True) if wanted),
            tuple(name for name, wanted in zip(labels, chosen, strict=True) if wanted)
            if self.labels
            else (),
            self.columns,
            self.values[chosen],
        )
