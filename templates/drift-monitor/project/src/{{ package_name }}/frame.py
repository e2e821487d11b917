"""Rows as columns: what every check looks at, whether it lies in memory or in a large file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .records import Column, Kind, Prediction, Schema, Value

Floats = NDArray[np.float64]
Texts = NDArray[np.object_]
"""Names of categories; None where there is none."""

PREDICTION = "prediction"
SCORE = "score"
LABEL = "label"


@dataclass(frozen=True)
class Names:
    """What the columns with a role are called in files and tables."""

    id: str = "id"
    time: str = "timestamp"
    prediction: str = PREDICTION
    score: str = SCORE
    label: str = LABEL
    ignore: tuple[str, ...] = ()

    @property
    def no_features(self) -> frozenset[str]:
        """Columns that are not an input of the model."""
        roles = (self.id, self.time, self.prediction, self.score, self.label)
        return frozenset(roles).union(self.ignore)


class Table(Protocol):
    """Columns that can be had one by one."""

    @property
    def rows(self) -> int:
        """How many rows there are."""

    @property
    def kinds(self) -> Mapping[str, Kind]:
        """The columns that there are: features, `prediction` and `score`."""

    def numbers(self, column: str) -> Floats:
        """A column as numbers, NaN where there is none. Shape (rows,)."""

    def texts(self, column: str) -> Texts:
        """A column as names of categories. Shape (rows,)."""

    def labels(self, kind: Kind) -> Floats | Texts | None:
        """What turned out to be true, as numbers or as names; None if nothing is known."""


@dataclass(frozen=True)
class Frame:
    """A table in memory. Its columns are float64, or object arrays of str and None."""

    columns: Mapping[str, Floats | Texts]
    rows: int
    label: Floats | Texts | None = None
    misfits: Mapping[str, tuple[str, ...]] | None = None
    """Values that were no number where one was expected, by column."""
    unknown: tuple[str, ...] = ()
    """Features that the schema does not know."""

    @property
    def kinds(self) -> dict[str, Kind]:
        """The columns that there are."""
        return {
            name: "numeric" if values.dtype == np.float64 else "categorical"
            for name, values in self.columns.items()
        }

    def numbers(self, column: str) -> Floats:
        """A column as numbers, NaN where there is none."""
        return to_numbers(self.columns[column])

    def texts(self, column: str) -> Texts:
        """A column as names of categories."""
        return to_texts(self.columns[column])

    def labels(self, kind: Kind) -> Floats | Texts | None:
        """What turned out to be true."""
        if self.label is None:
            return None
        return to_numbers(self.label) if kind == "numeric" else to_texts(self.label)

    def label_table(self, kind: Kind) -> "Frame":
        """The labels as a table of their own, with the one column `label`.

        Raises:
            ValueError: There are none.
        """
        labels = self.labels(kind)
        if labels is None:
            raise ValueError("these rows have no labels")
        return Frame({LABEL: labels}, self.rows)

    def take(self, rows: NDArray[Any]) -> "Frame":
        """Some of the rows, by position or by a mask."""
        columns = {name: values[rows] for name, values in self.columns.items()}
        label = None if self.label is None else self.label[rows]
        return Frame(columns, len(np.arange(self.rows)[rows]), label)


def gather(table: Table, schema: Schema, rows: NDArray[np.int64] | None = None) -> Frame:
    """Some rows of a table, in memory, with the columns and kinds of the schema.

    Columns that the table lacks are left out.
    """
    columns: dict[str, Floats | Texts] = {}
    for column in schema.columns:
        if column.name in table.kinds:
            values = read(table, column)
            columns[column.name] = values if rows is None else values[rows]
    label = table.labels(schema.label_kind)
    if label is not None and rows is not None:
        label = label[rows]
    return Frame(columns, table.rows if rows is None else len(rows), label)


def read(table: Table, column: Column) -> Floats | Texts:
    """A column as its kind wants it."""
    return table.numbers(column.name) if column.kind == "numeric" else table.texts(column.name)


def from_predictions(
    schema: Schema, events: Sequence[Prediction], labels: Sequence[Value] | None = None
) -> Frame:
    """What came over the wire, as columns of the schema.

    A value that is no number where one belongs becomes missing and is remembered in `misfits`.
    """
    columns: dict[str, Floats | Texts] = {}
    misfits: dict[str, tuple[str, ...]] = {}
    for column in schema.columns:
        raw = _raw(column, events)
        if raw is None:
            continue
        if column.kind == "categorical":
            columns[column.name] = _texts(raw)
            continue
        columns[column.name], wrong = _parse(raw)
        if wrong:
            misfits[column.name] = wrong
    known = {column.name for column in schema.features}
    unknown = tuple(sorted({name for event in events for name in event.features} - known))
    label: Floats | Texts | None = None
    if labels is not None:
        label = _texts(labels) if schema.label_kind == "categorical" else _parse(labels)[0]
    return Frame(columns, len(events), label, misfits, unknown)


def _raw(column: Column, events: Sequence[Prediction]) -> list[Value] | None:
    """The values of a column; None if no event has it."""
    if column.role == "prediction":
        return [event.prediction for event in events]
    if column.role == "score":
        return [event.score for event in events]
    if not any(column.name in event.features for event in events):
        return None
    return [event.features.get(column.name) for event in events]


def _parse(values: Sequence[Value]) -> tuple[Floats, tuple[str, ...]]:
    """Numbers, and the values that were none."""
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


def _texts(values: Sequence[Value]) -> Texts:
    texts = np.empty(len(values), dtype=object)
    texts[:] = [category(value) for value in values]
    return texts


def category(value: object) -> str | None:
    """The name of a category, the same whether it came as JSON or from a file: 1.0 is `1`."""
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
    """Values as numbers; NaN for what is none."""
    if values.dtype == np.float64:
        return values
    return _parse(values.tolist())[0]


def to_texts(values: NDArray[Any]) -> Texts:
    """Values as names of categories."""
    return values if values.dtype == object else _texts(values.tolist())
