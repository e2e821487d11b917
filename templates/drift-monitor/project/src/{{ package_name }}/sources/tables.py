"""What files and databases have in common: DuckDB reads the columns of both."""

import threading
from collections.abc import Mapping
from functools import cached_property

import duckdb
import numpy as np

from ..frame import PREDICTION, SCORE, Floats, Names, Texts
from ..records import Kind, Task

FEW = 10
"""A column of whole numbers with at most so many different ones holds categories."""

_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_REAL = ("FLOAT", "DOUBLE", "DECIMAL")


class SourceError(Exception):
    """Rows cannot be had; says from where and why."""


class Relation:
    """A table that stays where it is: each column is read when asked for."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, relation: str, task: Task, names: Names
    ) -> None:
        """Look at the columns of `relation`, which is what stands after FROM.

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
        """The columns that there are: features, `prediction` and `score`."""
        kinds: dict[str, Kind] = {
            name: self._kind(name) for name in self._types if name not in self._names.no_features
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
            return "numeric" if different[0] > FEW else "categorical"
        return "categorical"

    def numbers(self, column: str) -> Floats:
        """A column as numbers, NaN where there is none."""
        name = _quoted(self._in_file(column))
        numbers = self._fetch(f"coalesce(TRY_CAST({name} AS DOUBLE), 'nan'::DOUBLE)")
        values: Floats = np.asarray(numbers, dtype=np.float64)
        infinite = np.isinf(values)
        return np.where(infinite, np.nan, values) if infinite.any() else values

    def texts(self, column: str) -> Texts:
        """A column as names of categories."""
        name = self._in_file(column)
        texts = self._fetch(_category(_quoted(name), self._types[name]))
        values: Texts = np.ma.getdata(texts).astype(object)
        values[np.ma.getmaskarray(texts)] = None
        return values

    def labels(self, kind: Kind) -> Floats | Texts | None:
        """What turned out to be true; None if nothing is known."""
        if self._names.label not in self._types:
            return None
        return self.numbers("label") if kind == "numeric" else self.texts("label")

    def _in_file(self, column: str) -> str:
        roles = {
            PREDICTION: self._names.prediction,
            SCORE: self._names.score,
            "label": self._names.label,
        }
        return roles.get(column, column)

    def _fetch(self, expression: str) -> np.ndarray:
        """One expression over all rows, in the order of the file."""
        try:
            with self._lock:
                rows = self._connection.sql(f"FROM {self._relation}")
                fetched: np.ndarray = rows.project(f"{expression} AS it").fetchnumpy()["it"]
        except duckdb.Error as error:
            raise SourceError(f"cannot read {expression} of {self._relation}: {error}") from error
        return fetched


def _category(name: str, kind: str) -> str:
    """SQL that names a category as `frame.category` does."""
    if kind.startswith(_REAL):
        return (
            f"CASE WHEN isnan({name}::DOUBLE) THEN NULL WHEN {name} = trunc({name}) "
            f"THEN {name}::HUGEINT::VARCHAR ELSE {name}::VARCHAR END"
        )
    return f"{name}::VARCHAR"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
