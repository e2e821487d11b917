"""Parquet and CSV files, read in place by DuckDB."""

from collections.abc import Mapping
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from ..frame import ColumnNames
from ..records import Task
from .tables import Relation, SourceError

READERS = {
    ".parquet": "read_parquet",
    ".csv": "read_csv",
    ".csv.gz": "read_csv",
    ".tsv": "read_csv",
}

# Without BOOLEAN, because DuckDB would parse `yes` and `no` as such, but they may be class names.
CSV_TYPES = (
    ", auto_type_candidates = ['NULL', 'BIGINT', 'DOUBLE', 'TIMESTAMP', 'TIMESTAMPTZ', 'VARCHAR']"
)


def open_file(path: str, task: Task, names: ColumnNames) -> Relation:
    """Open a file, or all files that match a pattern with `*`.

    Raises:
        SourceError: The file does not exist, has an unknown type, is unreadable or has no rows.
    """
    connection = duckdb.connect(":memory:")
    connection.execute("SET threads = 1")  # keeps the order of the rows and saves memory
    return Relation(connection, sql_of(path), task, names)


def sql_of(path: str) -> str:
    """The SQL expression, to use after FROM, with which DuckDB reads a file.

    Raises:
        SourceError: The file has an unknown type.
    """
    reader = next((call for end, call in READERS.items() if path.lower().endswith(end)), None)
    if reader is None:
        raise SourceError(f"{path}: expected one of {', '.join(READERS)}")
    # DuckDB does not allow parameters for table functions in a subquery; quoting is as safe.
    literal = "'" + path.replace("'", "''") + "'"
    return f"{reader}({literal}{CSV_TYPES if reader == 'read_csv' else ''})"


def write_parquet(path: str, columns: Mapping[str, NDArray[Any]]) -> None:
    """Write columns of float64 (NaN becomes null) and of strings to a Parquet file."""
    connection = duckdb.connect(":memory:")
    connection.register("columns", dict(columns))
    cleaned = ", ".join(
        f'CASE WHEN isnan("{name}") THEN NULL ELSE "{name}" END AS "{name}"'
        if values.dtype == np.float64
        else f'"{name}"'
        for name, values in columns.items()
    )
    connection.table("columns").project(cleaned).write_parquet(path)
    connection.close()
