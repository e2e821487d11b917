"""One small door to two databases: DuckDB, embedded, and PostgreSQL, for production.

SQL is written once, in what both understand, with `$1` for parameters. DuckDB belongs to one
process: the service holds it, and whatever else runs works on files or asks the service.
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
    """The database cannot be reached, or not be used."""


class Transaction(Protocol):
    """What can be done inside `Database.transaction`."""

    def execute(self, sql: str, params: Sequence[object] = ()) -> list[Row]:
        """Run one statement and give its rows, if any."""


class Database(Protocol):
    """A database whose tables are as this version of the code wants them."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """All that is executed inside holds together, or not at all."""

    def close(self) -> None:
        """Let go of the database."""


def connect(settings: MonitorSettings) -> Database:
    """Open the database of the settings, and bring its tables up to date.

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
    """Create or extend the tables; does nothing when they are up to date."""
    with database.transaction() as tx:
        tx.execute("CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY)")
        done = {name for (name,) in tx.execute("SELECT name FROM migrations")}
        for name, statements in MIGRATIONS:
            if name not in done:
                for statement in statements:
                    tx.execute(statement)
                tx.execute("INSERT INTO migrations VALUES ($1)", (name,))


class DuckDB:
    """One file, one process; transactions take turns."""

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
                f"cannot open {file}: {error}\nDuckDB lets one process in at a time; "
                "stop the other one, ask it over HTTP, or set APP_STORE=postgres"
            ) from error

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """All that is executed inside holds together, or not at all."""
        with self._lock:
            self._connection.begin()
            try:
                yield _DuckTransaction(self._connection)
            except BaseException:
                self._connection.rollback()
                raise
            self._connection.commit()

    def close(self) -> None:
        """Write what is left to the file, and let go of it."""
        with self._lock:
            self._connection.close()


class _DuckTransaction:
    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def execute(self, sql: str, params: Sequence[object] = ()) -> list[Row]:
        result = self._connection.execute(sql, list(params))
        return result.fetchall() if result.description else []


class PostgreSQL:
    """A connection for each thread that needs one; the database orders the transactions."""

    def __init__(self, url: str) -> None:
        """Remember the address, and see that it answers."""
        self._url = url
        self._local = threading.local()
        self._all: list[psycopg.Connection[Row]] = []
        try:
            self._connection()
        except psycopg.Error as error:
            raise StoreError(
                f"cannot reach PostgreSQL (APP_DATABASE_URL): {str(error).strip()}\n"
                "Start it, or keep everything in a file with APP_STORE=duckdb"
            ) from error

    def _connection(self) -> psycopg.Connection[Row]:
        connection: psycopg.Connection[Row] | None = getattr(self._local, "connection", None)
        if connection is None or connection.closed:
            connection = psycopg.connect(
                self._url, cursor_factory=psycopg.RawCursor, options="-c TimeZone=UTC"
            )
            self._local.connection = connection
            self._all.append(connection)
        return connection

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """All that is executed inside holds together, or not at all."""
        connection = self._connection()
        with connection.transaction():
            yield _PostgreSQLTransaction(connection)

    def close(self) -> None:
        """Close every thread's connection."""
        for connection in self._all:
            connection.close()


class _PostgreSQLTransaction:
    def __init__(self, connection: psycopg.Connection[Row]) -> None:
        self._connection = connection

    def execute(self, sql: str, params: Sequence[object] = ()) -> list[Row]:
        cursor = self._connection.execute(sql.encode(), params)
        return cursor.fetchall() if cursor.description else []
