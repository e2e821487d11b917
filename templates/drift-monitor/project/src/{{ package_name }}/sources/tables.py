"""A table in DuckDB; files and databases both become one."""

import threading
from collections.abc import Mapping
from functools import cached_property

import duckdb
import numpy as np

from ..frame import PREDICTION, SCORE, Categories, ColumnNames, Floats
from ..records import Kind, Task

MAX_INTEGER_CATEGORIES = 10
"""An integer column with at most this many distinct values is categorical."""

_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_REAL = ("FLOAT", "DOUBLE", "DECIMAL")


class SourceError(Exception):
    """A data source cannot be read; the message says which one and why."""


class Relation:
    """A table that reads each column on demand."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, relation: str, task: Task, names: ColumnNames
    ) -> None:
        """Inspect the columns of `relation`, an SQL expression to use after FROM.

        Raises:
            SourceError: It cannot be read, or has no rows.
        """
        self._connection = connection
        self._relation = relation
        self._task = task
        self._names = names
        self._lock = threading.Lock()
        try:
            rows = connection.sql(f"FROM {relation}")
            counted = rows.aggregate("count(*)").fetchall()
        except duckdb.Error as error:
            raise SourceError(f"cannot read {relation}: {error}") from error
        self._types = {name: str(kind) for name, kind in zip(rows.columns, rows.types, strict=True)}
        self.rows = int(counted[0][0])
        if not self.rows:
            raise SourceError(f"{relation} has no rows")

    @cached_property
    def kinds(self) -> Mapping[str, Kind]:
        """The available columns: features, `prediction` and `score`."""
        kinds: dict[str, Kind] = {
            name: self._kind(name) for name in self._types if name not in self._names.non_features
        }
        if self._names.prediction in self._types:
            kinds[PREDICTION] = "categorical" if self._task == "classification" else "numeric"
        if self._names.score in self._types and self._task == "classification":
            kinds[SCORE] = "numeric"
        return kinds

    def _kind(self, name: str) -> Kind:
        kind = self._types[name].removeprefix("U")
        if kind.startswith(_REAL):
            return "numeric"
        if kind.startswith(_WHOLE):
            different = self._fetch(f"approx_count_distinct({_quoted(name)})")
            return "numeric" if different[0] > MAX_INTEGER_CATEGORIES else "categorical"
        return "categorical"

    def numbers(self, column: str) -> Floats:
        """A column as numbers, NaN where the value is missing."""
        name = _quoted(self._source_name(column))
        numbers = self._fetch(f"coalesce(TRY_CAST({name} AS DOUBLE), 'nan'::DOUBLE)")
        values: Floats = np.asarray(numbers, dtype=np.float64)
        infinite = np.isinf(values)
        return np.where(infinite, np.nan, values) if infinite.any() else values

    def categories(self, column: str) -> Categories:
        """A column as category names."""
        name = self._source_name(column)
        fetched = self._fetch(_category(_quoted(name), self._types[name]))
        values: Categories = np.ma.getdata(fetched).astype(object)
        values[np.ma.getmaskarray(fetched)] = None
        return values

    def labels(self, kind: Kind) -> Floats | Categories | None:
        """The labels; None if the table has none."""
        if self._names.label not in self._types:
            return None
        return self.numbers("label") if kind == "numeric" else self.categories("label")

    def _source_name(self, column: str) -> str:
        roles = {
            PREDICTION: self._names.prediction,
            SCORE: self._names.score,
            "label": self._names.label,
        }
        return roles.get(column, column)

    def _fetch(self, expression: str) -> np.ndarray:
        """Evaluate an expression for all rows, in the order of the table."""
        try:
            with self._lock:
                rows = self._connection.sql(f"FROM {self._relation}")
                fetched: np.ndarray = rows.project(f"{expression} AS value").fetchnumpy()["value"]
        except duckdb.Error as error:
            raise SourceError(f"cannot read {expression} of {self._relation}: {error}") from error
        return fetched


def _category(name: str, kind: str) -> str:
    """SQL that converts a value to a category name, in the same way as `frame.category`."""
    if kind.startswith(_REAL):
        return (
            f"CASE WHEN isnan({name}::DOUBLE) THEN NULL WHEN {name} = trunc({name}) "
            f"THEN {name}::HUGEINT::VARCHAR ELSE {name}::VARCHAR END"
        )
    return f"{name}::VARCHAR"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
