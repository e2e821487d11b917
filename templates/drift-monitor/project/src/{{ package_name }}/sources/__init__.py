"""Where rows come from: Parquet and CSV files, DuckDB and PostgreSQL tables."""

from ..frame import Names, Table
from ..records import Task
from .files import open_file
from .sql import open_query
from .tables import SourceError

__all__ = ["SourceError", "open_source"]


def open_source(address: str, task: Task, names: Names, query: str = "") -> Table:
    """The rows at an address.

    Args:
        address: A file (`.parquet`, `.csv`, `.csv.gz`, with `*` for many), a DuckDB file
            (`.duckdb`, `.db`) or a PostgreSQL URL (`postgresql://...`).
        task: What the model predicts, which says what predictions and labels are.
        names: What the columns with a role are called.
        query: The SELECT that gives the rows, for a database.

    Raises:
        SourceError: It is not there, cannot be read, or has no rows.
    """
    if address.startswith(("postgresql://", "postgres://")) or address.endswith((".duckdb", ".db")):
        return open_query(address, query, task, names)
    if query:
        raise SourceError(f"{address}: a query needs a database, and this is a file")
    return open_file(address, task, names)
