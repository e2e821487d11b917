"""Parquet and CSV files, read by DuckDB where they lie."""

import duckdb

from ..frame import Names
from ..records import Task
from .tables import Relation, SourceError

READERS = {
    ".parquet": "read_parquet",
    ".csv": "read_csv",
    ".csv.gz": "read_csv",
    ".tsv": "read_csv",
}


def open_file(path: str, task: Task, names: Names) -> Relation:
    """The rows of a file, or of all files that a pattern with `*` matches.

    Raises:
        SourceError: The file is not there, of no known kind, not readable, or without rows.
    """
    reader = next((call for end, call in READERS.items() if path.lower().endswith(end)), None)
    if reader is None:
        raise SourceError(f"{path}: expected one of {', '.join(READERS)}")
    # DuckDB has no parameters for table functions in a sub-query; a quoted text is as safe.
    literal = "'" + path.replace("'", "''") + "'"
    connection = duckdb.connect(":memory:")
    connection.execute("SET threads = 1")  # rows in the order of the file, and little memory
    return Relation(connection, f"{reader}({literal})", task, names)
