"""The rows of a query on a DuckDB file or a PostgreSQL database.

The rows are copied into memory once, so that all columns are consistent and in the same order.
"""

from pathlib import Path

import duckdb
import psycopg

from ..frame import ColumnNames
from ..records import Task
from .tables import Relation, SourceError


def open_query(address: str, query: str, task: Task, names: ColumnNames) -> Relation:
    """Open the result of a query.

    Raises:
        SourceError: The query is missing or fails, or there are no rows.
    """
    if not query:
        raise SourceError(
            f"{address}: a database needs a query (--reference-query or --current-query)"
        )
    connection = duckdb.connect(":memory:")
    connection.execute("SET threads = 1")
    if address.startswith("postgres"):
        _copy_postgresql(connection, address, query)
    else:
        _copy_duckdb(connection, address, query)
    return Relation(connection, "copied", task, names)


def _copy_duckdb(connection: duckdb.DuckDBPyConnection, file: str, query: str) -> None:
    if not Path(file).is_file():
        raise SourceError(f"{file}: no such file")
    literal = "'" + file.replace("'", "''") + "'"
    try:
        connection.execute(f"ATTACH {literal} AS origin (READ_ONLY)")
        connection.execute("USE origin")
        connection.execute(f"CREATE TABLE memory.copied AS {query}")
        connection.execute("USE memory")
    except duckdb.Error as error:
        raise SourceError(f"{file}: {error}") from error


_TYPES = {
    "bool": "BOOLEAN",
    "int2": "SMALLINT",
    "int4": "INTEGER",
    "int8": "BIGINT",
    "float4": "DOUBLE",
    "float8": "DOUBLE",
    "numeric": "DOUBLE",
}


def _copy_postgresql(connection: duckdb.DuckDBPyConnection, url: str, query: str) -> None:
    """Copy rows in batches through a server-side cursor, so that they are in memory only once."""
    try:
        with psycopg.connect(url) as server, server.cursor(name="rows") as cursor:
            server.read_only = True
            cursor.execute(query.encode())
            described = cursor.description or []
            infos = [server.adapters.types.get(column.type_code) for column in described]
            types = [_TYPES.get(info.name if info else "", "VARCHAR") for info in infos]
            columns = ", ".join(
                '"' + column.name.replace('"', '""') + f'" {kind}'
                for column, kind in zip(described, types, strict=True)
            )
            connection.execute(f"CREATE TABLE copied ({columns})")
            insert = "INSERT INTO copied SELECT " + ", ".join(
                f"unnest(${number}::{kind}[])" for number, kind in enumerate(types, 1)
            )
            while batch := cursor.fetchmany(10_000):
                connection.execute(insert, [list(column) for column in zip(*batch, strict=True)])
    except (psycopg.Error, duckdb.Error) as error:
        raise SourceError(f"PostgreSQL: {error}") from error
