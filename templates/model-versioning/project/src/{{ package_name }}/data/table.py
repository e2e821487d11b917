"""Rows in memory, independent of the file format."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Table:
    """Rows that satisfy the contract.

    Attributes:
        ids: Unique id of each row.
        labels: Label of each row; empty if the rows have no labels.
        columns: Names of the columns, in the order of `values`.
        values: The numbers, of shape (rows, columns).
    """

    ids: tuple[str, ...]
    labels: tuple[str, ...]
    columns: tuple[str, ...]
    values: NDArray[np.float64]

    def filter(self, mask: NDArray[np.bool_]) -> "Table":
        """Return the rows where `mask`, of shape (rows,), is true."""
        return Table(
            tuple(row_id for row_id, kept in zip(self.ids, mask, strict=True) if kept),
            tuple(label for label, kept in zip(self.labels, mask, strict=True) if kept)
            if self.labels
            else (),
            self.columns,
            self.values[mask],
        )
