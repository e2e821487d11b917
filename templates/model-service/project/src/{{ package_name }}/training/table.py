"""A data set in memory, whatever its source."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..manifest import Feature, Schema, Value

Values = NDArray[np.float64] | pl.DataFrame


class DataError(Exception):
    """The data cannot be used; the message says where and what to do."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows with known labels.

    Attributes:
        name: The name of the data set.
        schema: Its features and labels.
        values: For the layout `matrix`, an array of shape (rows, features) in which missing
            numbers are NaN; for `columns`, a data frame with the columns `schema.input_names` in
            which missing categories are empty.
        codes: The index into `schema.labels` of each row, shape (rows,).
        sha256: The digest of the data.
        train_rows: If the data set comes split, how many of the first rows are for training.
        min_accuracy: The held-out accuracy that a model needs to be published.
    """

    name: str
    schema: Schema
    values: Values
    codes: NDArray[np.int64]
    sha256: str
    train_rows: int | None = None
    min_accuracy: float | None = None

    def rows(self, indices: Sequence[int] | NDArray[np.int64]) -> list[list[Value]]:
        """Return some rows as a client would send them: `None` where a value is missing."""
        chosen = self.values[indices]
        rows = chosen.tolist() if isinstance(chosen, np.ndarray) else chosen.rows()
        return [[None if v == "" or v != v else v for v in row] for row in rows]  # noqa: PLR0124 - NaN


def at_float32(values: Values) -> Values:
    """Round to the precision of the served model, so that it trains on what it will be given."""
    if isinstance(values, np.ndarray):
        return values.astype(np.float32).astype(np.float64)
    numbers = pl.selectors.float()
    return values.with_columns(numbers.cast(pl.Float32).cast(pl.Float64))


def numeric_table(  # noqa: PLR0913 - all are passed by name
    *,
    name: str,
    target: str,
    columns: Sequence[str],
    values: NDArray[np.float64],
    codes: NDArray[np.int64],
    labels: Sequence[str],
    image: tuple[int, int] | None = None,
) -> Table:
    """Build a table of numbers without missing values."""
    minimum, median, maximum = np.quantile(values, [0, 0.5, 1], axis=0, method="nearest").tolist()
    features = tuple(
        Feature(name=column, kind="numeric", minimum=low, maximum=high, example=middle)
        for column, low, middle, high in zip(columns, minimum, median, maximum, strict=True)
    )
    schema = Schema(target=target, features=features, labels=tuple(labels), image=image)
    digest = hashlib.sha256(schema.model_dump_json().encode())
    digest.update(values.astype("<f8").tobytes())
    digest.update(codes.astype("<i8").tobytes())
    return Table(
        name=name,
        schema=schema,
        values=values,
        codes=codes.astype(np.int64),
        sha256=digest.hexdigest(),
    )
