"""Parquet and CSV files, read by DuckDB where they lie."""

from collections.abc import Mapping
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from ..frame import Names
from ..records import Task
from .tables import Relation, SourceError

READERS = {
    ".parquet": "read_parquet",
    ".csv": "read_csv",
    ".csv.gz": "read_csv",
    ".tsv": "read_csv",
}

# Without BOOLEAN: DuckDB takes `yes` and `no` for it, and those are the names of classes.
CSV_TYPES = (
    ", auto_type_candidates = ['NULL', 'BIGINT', 'DOUBLE', 'TIMESTAMP', 'TIMESTAMPTZ', 'VARCHAR']"
)


def open_file(path: str, task: Task, names: Names) -> Relation:
    """The rows of a file, or of all files that a pattern with `*` matches.

    Raises:
        SourceError: The file is not there, of no known kind, not readable, or without rows.
    """
    connection = duckdb.connect(":memory:")
    connection.execute("SET threads = 1")  # rows in the order of the file, and little memory
    return Relation(connection, sql_of(path), task, names)


def sql_of(path: str) -> str:
    """How DuckDB reads a file: what stands after FROM.

    Raises:
        SourceError: It is of no known kind.
    """
    reader = next((call for end, call in READERS.items() if path.lower().endswith(end)), None)
    if reader is None:
        raise SourceError(f"{path}: expected one of {', '.join(READERS)}")
    # DuckDB has no parameters for table functions in a sub-query; a quoted text is as safe.
    literal = "'" + path.replace("'", "''") + "'"
    return f"{reader}({literal}{CSV_TYPES if reader == 'read_csv' else ''})"


def write_parquet(path: str, columns: Mapping[str, NDArray[Any]]) -> None:
    """Write columns of float64 (NaN becomes null) and of texts to a Parquet file."""
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
