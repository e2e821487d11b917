"""Tables as columns: the data that checks read, from memory or from a large file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .records import Column, Kind, Prediction, Schema, Value

Floats = NDArray[np.float64]
Categories = NDArray[np.object_]
"""Category names; None where the value is missing."""

PREDICTION = "prediction"
SCORE = "score"
LABEL = "label"


@dataclass(frozen=True)
class ColumnNames:
    """The names that files and tables use for the columns with a role."""

    id: str = "id"
    time: str = "timestamp"
    prediction: str = PREDICTION
    score: str = SCORE
    label: str = LABEL
    ignore: tuple[str, ...] = ()

    @property
    def non_features(self) -> frozenset[str]:
        """Columns that are not inputs of the model."""
        roles = (self.id, self.time, self.prediction, self.score, self.label)
        return frozenset(roles).union(self.ignore)


class Table(Protocol):
    """A table whose columns can be read one at a time."""

    @property
    def rows(self) -> int:
        """The number of rows."""

    @property
    def kinds(self) -> Mapping[str, Kind]:
        """The available columns: features, `prediction` and `score`."""

    def numbers(self, column: str) -> Floats:
        """A column as numbers, NaN where the value is missing. Shape (rows,)."""

    def categories(self, column: str) -> Categories:
        """A column as category names. Shape (rows,)."""

    def labels(self, kind: Kind) -> Floats | Categories | None:
        """The labels as numbers or category names; None if the table has none."""


@dataclass(frozen=True)
class Frame:
    """A table in memory. Its columns are float64, or object arrays of str and None."""

    columns: Mapping[str, Floats | Categories]
    rows: int
    label: Floats | Categories | None = None
    invalid_values: Mapping[str, tuple[str, ...]] | None = None
    """Values of numeric columns that are not numbers, by column."""
    unknown_features: tuple[str, ...] = ()
    """Features that are not in the schema."""

    @property
    def kinds(self) -> dict[str, Kind]:
        """The available columns."""
        return {
            name: "numeric" if values.dtype == np.float64 else "categorical"
            for name, values in self.columns.items()
        }

    def numbers(self, column: str) -> Floats:
        """A column as numbers, NaN where the value is missing."""
        return to_numbers(self.columns[column])

    def categories(self, column: str) -> Categories:
        """A column as category names."""
        return to_categories(self.columns[column])

    def labels(self, kind: Kind) -> Floats | Categories | None:
        """The labels; None if there are none."""
        if self.label is None:
            return None
        return to_numbers(self.label) if kind == "numeric" else to_categories(self.label)

    def label_table(self, kind: Kind) -> "Frame":
        """The labels as a separate table with the single column `label`.

        Raises:
            ValueError: There are no labels.
        """
        labels = self.labels(kind)
        if labels is None:
            raise ValueError("these rows have no labels")
        return Frame({LABEL: labels}, self.rows)

    def take(self, rows: NDArray[Any]) -> "Frame":
        """Select rows by position or by a mask."""
        columns = {name: values[rows] for name, values in self.columns.items()}
        label = None if self.label is None else self.label[rows]
        return Frame(columns, len(np.arange(self.rows)[rows]), label)


def gather(table: Table, schema: Schema, rows: NDArray[np.int64] | None = None) -> Frame:
    """Load rows of a table into memory, with the columns and kinds of the schema.

    Columns that the table does not have are left out. `rows` selects rows; default: all.
    """
    columns: dict[str, Floats | Categories] = {}
    for column in schema.columns:
        if column.name in table.kinds:
            values = read_column(table, column)
            columns[column.name] = values if rows is None else values[rows]
    label = table.labels(schema.label_kind)
    if label is not None and rows is not None:
        label = label[rows]
    return Frame(columns, table.rows if rows is None else len(rows), label)


def read_column(table: Table, column: Column) -> Floats | Categories:
    """Read a column as numbers or categories, depending on its kind."""
    return table.numbers(column.name) if column.kind == "numeric" else table.categories(column.name)


def from_predictions(
    schema: Schema, events: Sequence[Prediction], labels: Sequence[Value] | None = None
) -> Frame:
    """Convert received predictions to columns of the schema.

    A value of a numeric column that is not a number becomes missing and is kept in
    `invalid_values`.
    """
    columns: dict[str, Floats | Categories] = {}
    invalid_values: dict[str, tuple[str, ...]] = {}
    for column in schema.columns:
        raw = _raw(column, events)
        if raw is None:
            continue
        if column.kind == "categorical":
            columns[column.name] = _categories(raw)
            continue
        columns[column.name], wrong = _parse(raw)
        if wrong:
            invalid_values[column.name] = wrong
    known = {column.name for column in schema.features}
    unknown = tuple(sorted({name for event in events for name in event.features} - known))
    label: Floats | Categories | None = None
    if labels is not None:
        label = _categories(labels) if schema.label_kind == "categorical" else _parse(labels)[0]
    return Frame(columns, len(events), label, invalid_values, unknown)


def _raw(column: Column, events: Sequence[Prediction]) -> list[Value] | None:
    """The values of a column; None if no event has the column."""
    if column.role == "prediction":
        return [event.prediction for event in events]
    if column.role == "score":
        return [event.score for event in events]
    if not any(column.name in event.features for event in events):
        return None
    return [event.features.get(column.name) for event in events]


def _parse(values: Sequence[Value]) -> tuple[Floats, tuple[str, ...]]:
    """Parse numbers; also return the values that are not numbers."""
    parsed = np.full(len(values), np.nan)
    wrong: list[str] = []
    for row, value in enumerate(values):
        if value is None:
            continue
        try:
            parsed[row] = float(value)
        except ValueError:
            wrong.append(str(value))
    parsed[np.isinf(parsed)] = np.nan
    return parsed, tuple(wrong)


def _categories(values: Sequence[Value]) -> Categories:
    names = np.empty(len(values), dtype=object)
    names[:] = [category(value) for value in values]
    return names


def category(value: object) -> str | None:
    """The name of a category. It is the same for JSON and files: 1.0 becomes `1`."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if np.isnan(value):
            return None
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value)


def to_numbers(values: NDArray[Any]) -> Floats:
    """Convert values to numbers; NaN for anything else."""
    if values.dtype == np.float64:
        return values
    return _parse(values.tolist())[0]


def to_categories(values: NDArray[Any]) -> Categories:
    """Convert values to category names."""
    return values if values.dtype == object else _categories(values.tolist())
