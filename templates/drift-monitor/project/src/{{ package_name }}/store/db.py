"""One small interface to two databases: DuckDB (embedded) and PostgreSQL (production).

Each SQL statement is written once, in the dialect that both share, with `$1` for parameters. Only
one process can open a DuckDB file: while the service runs, other programs must use its API.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

import duckdb
import psycopg

from ..settings import MonitorSettings
from .schema import MIGRATIONS

Row = tuple[Any, ...]


class StoreError(Exception):
    """The database cannot be opened."""


class Transaction(Protocol):
    """An open transaction, as `Database.transaction` provides it."""

    def execute(self, sql: str, params: Sequence[object] = ()) -> list[Row]:
        """Run one statement and return its rows, if any."""


class Database(Protocol):
    """A database whose schema matches this version of the code."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Commit everything that is executed inside, or nothing."""

    def close(self) -> None:
        """Close the database."""


def connect(settings: MonitorSettings) -> Database:
    """Open the database that the settings name, and migrate its schema.

    Raises:
        StoreError: It cannot be opened.
    """
    database: Database = (
        DuckDB(settings.database_file)
        if settings.store == "duckdb"
        else PostgreSQL(settings.database_url.get_secret_value())
    )
    migrate(database)
    return database


def migrate(database: Database) -> None:
    """Apply all migrations that have not been applied yet."""
    with database.transaction() as tx:
        tx.execute("CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY)")
        done = {name for (name,) in tx.execute("SELECT name FROM migrations")}
        for name, statements in MIGRATIONS:
            if name not in done:
                for statement in statements:
                    tx.execute(statement)
                tx.execute("INSERT INTO migrations VALUES ($1)", (name,))


class DuckDB:
    """A DuckDB file, used by one process; transactions run one at a time."""

    def __init__(self, file: Path | None) -> None:
        """Open the file, or a database in memory."""
        self._lock = threading.Lock()
        try:
            if file:
                file.parent.mkdir(parents=True, exist_ok=True)
            self._connection = duckdb.connect(str(file) if file else ":memory:")
            self._connection.execute("SET TimeZone = 'UTC'")
        except (duckdb.Error, OSError) as error:
            raise StoreError(
                f"cannot open {file}: {error}\nOnly one process at a time can open a DuckDB file. "
                "Stop the other process, use its HTTP API, or set APP_STORE=postgres"
            ) from error

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Commit everything that is executed inside, or nothing."""
        with self._lock:
            self._connection.begin()
            try:
                yield _DuckTransaction(self._connection)
            except BaseException:
                self._connection.rollback()
                raise
            self._connection.commit()

    def close(self) -> None:
        """Write pending data to the file and close it."""
        with self._lock:
            self._connection.close()


class _DuckTransaction:
    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def execute(self, sql: str, params: Sequence[object] = ()) -> list[Row]:
        result = self._connection.execute(sql, list(params))
        return result.fetchall() if result.description else []


class PostgreSQL:
    """A PostgreSQL database, with one connection per thread."""

    def __init__(self, url: str) -> None:
        """Store the address and check that the server responds."""
        self._url = url
        self._local = threading.local()
        self._connections: list[psycopg.Connection[Row]] = []
        try:
            self._connection()
        except psycopg.Error as error:
            raise StoreError(
                f"cannot reach PostgreSQL (APP_DATABASE_URL): {str(error).strip()}\n"
                "Start the server, or set APP_STORE=duckdb to store everything in a file"
            ) from error

    def _connection(self) -> psycopg.Connection[Row]:
        connection: psycopg.Connection[Row] | None = getattr(self._local, "connection", None)
        if connection is None or connection.closed:
            connection = psycopg.connect(
                self._url, cursor_factory=psycopg.RawCursor, options="-c TimeZone=UTC"
            )
            self._local.connection = connection
            self._connections.append(connection)
        return connection

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Commit everything that is executed inside, or nothing."""
        connection = self._connection()
        with connection.transaction():
            yield _PostgreSQLTransaction(connection)

    def close(self) -> None:
        """Close the connections of all threads."""
        for connection in self._connections:
            connection.close()


class _PostgreSQLTransaction:
    def __init__(self, connection: psycopg.Connection[Row]) -> None:
        self._connection = connection

    def execute(self, sql: str, params: Sequence[object] = ()) -> list[Row]:
        cursor = self._connection.execute(sql.encode(), params)
        return cursor.fetchall() if cursor.description else []
