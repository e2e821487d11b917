"""Data sources: Parquet and CSV files, DuckDB and PostgreSQL tables."""

from ..frame import ColumnNames, Table
from ..records import Task
from .files import open_file
from .sql import open_query
from .tables import SourceError

__all__ = ["SourceError", "open_source"]


def open_source(address: str, task: Task, names: ColumnNames, query: str = "") -> Table:
    """Open the table at an address.

    Args:
        address: A file (`.parquet`, `.csv`, `.csv.gz`; `*` matches several), a DuckDB file
            (`.duckdb`, `.db`) or a PostgreSQL URL (`postgresql://...`).
        task: What the model predicts; determines the kind of predictions and labels.
        names: The names of the columns with a role.
        query: The SELECT statement for the rows, for a database.

    Raises:
        SourceError: The source does not exist, cannot be read, or has no rows.
    """
    if address.startswith(("postgresql://", "postgres://")) or address.endswith((".duckdb", ".db")):
        return open_query(address, query, task, names)
    if query:
        raise SourceError(f"{address}: a query needs a database, but this is a file")
    return open_file(address, task, names)
