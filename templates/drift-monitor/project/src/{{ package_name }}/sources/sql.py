"""Rows that a query gives: of a DuckDB file, or of PostgreSQL.

They are copied once, into memory, so that all columns are of the same moment and in one order.
"""

from pathlib import Path

import duckdb
import psycopg

from ..frame import Names
from ..records import Task
from .tables import Relation, SourceError


def open_query(address: str, query: str, task: Task, names: Names) -> Relation:
    """The rows that a query gives.

    Raises:
        SourceError: There is no query, the database does not answer, or there are no rows.
    """
    if not query:
        raise SourceError(f"{address}: which rows? A database needs a query (--query)")
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
    """Copy rows in batches through a cursor of the server, so none is held twice."""
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
