"""An index in one SQLite file, searched in memory with NumPy.

Exact search was chosen by measurement: over 50,000 chunks it is faster than the embedded databases
that were tried, needs no index to build or tune, and has a recall of 1. Libraries for approximate
search are faster, but store neither texts nor access labels. Searches run on an in-memory snapshot,
reloaded when the file has changed; ingestion loads none, so its memory does not grow with the
index.
"""

import hashlib
import json
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any
from weakref import finalize

import numpy as np
from numpy.typing import NDArray

from ..records import Chunk, Document, Entry, Hit, Scope, SearchResults, UserError
from .base import Query
from .snapshot import Snapshot, take_snapshot

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS documents (
  id TEXT PRIMARY KEY, title TEXT NOT NULL, kind TEXT NOT NULL, folder TEXT NOT NULL,
  labels TEXT NOT NULL, digest TEXT NOT NULL, text TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS chunks (
  number INTEGER PRIMARY KEY,
  document TEXT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
  ordinal INTEGER NOT NULL, begins INTEGER NOT NULL, ends INTEGER NOT NULL,
  focus_begins INTEGER NOT NULL, focus_ends INTEGER NOT NULL,
  heading TEXT NOT NULL, text TEXT NOT NULL,
  dense BLOB NOT NULL, terms BLOB NOT NULL, weights BLOB NOT NULL,
  UNIQUE (document, ordinal)
);
INSERT OR IGNORE INTO meta VALUES ('generation', '0');
"""
_CHUNK = "document, ordinal, begins, ends, text, heading, focus_begins, focus_ends"
_DOCUMENT = "id, title, {text}, kind, labels, digest"


class EmbeddedStore:
    """The index in an SQLite file.

    Args:
        path: The file; it is created if it doesn't exist.
        dimensions: Dimensions of the vectors.

    Raises:
        UserError: The file can't be used, or its vectors have another dimension.
    """

    def __init__(self, path: Path, dimensions: int) -> None:
        self._path = path
        self._dimensions = dimensions
        self._lock = Lock()
        self._snapshot: Snapshot | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with self._connect() as db:
                db.execute("PRAGMA journal_mode = WAL")
                db.executescript(_SCHEMA)
                db.execute(
                    "INSERT OR IGNORE INTO meta VALUES ('dimensions', ?)", (str(dimensions),)
                )
                [found] = db.execute("SELECT value FROM meta WHERE name = 'dimensions'").fetchone()
            anchor = sqlite3.connect(path, check_same_thread=False)
            anchor.execute("SELECT 1 FROM meta").fetchone()
        except (OSError, sqlite3.Error) as error:
            raise UserError(f"cannot use the index {path}: {error}") from error
        # SQLite checkpoints and deletes the WAL when the last connection closes, and creates it
        # again for the next one. A connection that stays open spares each search that work.
        self._close_anchor = finalize(self, anchor.close)
        if int(found) != dimensions:
            raise UserError(
                f"{path} has vectors of length {found}, not {dimensions}: it was created with "
                "another embedding model. Remove it, or set APP_STATE_DIR, and ingest again."
            )

    def manifest(self) -> dict[str, str]:
        """Return the digest of each document, by its id."""
        with self._connect() as db:
            return dict(db.execute("SELECT id, digest FROM documents"))

    def put(self, document: Document, entries: Sequence[Entry]) -> None:
        """Add a document, or replace the one with its id."""
        with self._connect() as db:
            db.execute("BEGIN IMMEDIATE")
            db.execute("DELETE FROM documents WHERE id = ?", (document.id,))
            db.execute(
                "INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    document.id,
                    document.title,
                    document.kind,
                    document.folder,
                    json.dumps(sorted(document.labels)),
                    document.digest,
                    document.text,
                ),
            )
            db.executemany(
                f"INSERT INTO chunks ({_CHUNK}, dense, terms, weights) "  # noqa: S608 - a constant
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                map(_row, entries),
            )
            _new_generation(db)

    def delete(self, documents: Collection[str]) -> None:
        """Delete documents; unknown ids are ignored."""
        with self._connect() as db:
            db.execute("BEGIN IMMEDIATE")
            db.executemany("DELETE FROM documents WHERE id = ?", [(each,) for each in documents])
            _new_generation(db)

    def search(self, query: Query, scope: Scope, limit: int) -> SearchResults:
        """Return the best chunks in scope, at most `limit` each by dense and by sparse search."""
        with self._connect() as db:
            snapshot = self._current(db)
            mask = snapshot.mask(scope)
            dense = snapshot.search_dense(query.dense, mask, limit)
            sparse = snapshot.search_sparse(query.sparse, mask, limit)
            hits = _hits(db, {number for number, _ in (*dense, *sparse)})
        return SearchResults(_ranked(dense, hits), _ranked(sparse, hits))

    def document(self, document_id: str, scope: Scope) -> Document | None:
        """Return a document, or None if it doesn't exist or is out of scope."""
        with self._connect() as db:
            row = db.execute(
                f"SELECT {_DOCUMENT.format(text='text')} FROM documents WHERE id = ?",  # noqa: S608 - a constant
                (document_id,),
            ).fetchone()
        found = _document(row) if row else None
        return found if found and scope.admits(found) else None

    def documents(self, scope: Scope) -> list[Document]:
        """Return all documents in scope, ordered by id and without their text."""
        with self._connect() as db:
            rows = db.execute(
                f"SELECT {_DOCUMENT.format(text=repr(''))} FROM documents ORDER BY id"  # noqa: S608 - a constant
            ).fetchall()
        return [found for found in map(_document, rows) if scope.admits(found)]

    def generation(self) -> str:
        """Return an id that changes with the contents."""
        with self._connect() as db:
            return _generation(db)

    def fingerprint(self) -> str:
        """Return a digest of all contents."""
        digest = hashlib.sha256()
        with self._connect() as db:
            for query in (
                "SELECT * FROM documents ORDER BY id",
                f"SELECT {_CHUNK}, dense, terms, weights FROM chunks ORDER BY document, ordinal",  # noqa: S608 - a constant
            ):
                for row in db.execute(query):
                    digest.update(repr(row).encode())
        return digest.hexdigest()

    def close(self) -> None:
        """Release the snapshot and the file."""
        self._snapshot = None
        self._close_anchor()

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        """Open a connection for this thread; commit unless an exception is raised."""
        db = sqlite3.connect(self._path, timeout=60, isolation_level=None)
        try:
            db.execute("PRAGMA foreign_keys = ON")
            db.execute("PRAGMA synchronous = NORMAL")
            yield db
            if db.in_transaction:
                db.execute("COMMIT")
        finally:
            db.close()  # rolls back an open transaction

    def _current(self, db: sqlite3.Connection) -> Snapshot:
        """Return the snapshot, reloaded if the file has changed."""
        generation = _generation(db)
        snapshot = self._snapshot
        if snapshot is None or snapshot.generation != generation:
            with self._lock:
                snapshot = self._snapshot
                if snapshot is None or snapshot.generation != generation:
                    self._snapshot = snapshot = take_snapshot(db, self._dimensions)
        return snapshot


def _row(entry: Entry) -> tuple[object, ...]:
    chunk = entry.chunk
    return (
        chunk.document,
        chunk.ordinal,
        chunk.start,
        chunk.end,
        chunk.text,
        chunk.heading,
        *chunk.focus,
        _little_endian(entry.dense, "<f4"),
        _little_endian(entry.sparse.terms, "<i4"),
        _little_endian(entry.sparse.weights, "<f4"),
    )


def _little_endian(values: NDArray[np.float32] | NDArray[np.int32], dtype: str) -> bytes:
    return values.astype(dtype).tobytes()


def _document(row: Sequence[Any]) -> Document:
    document_id, title, text, kind, labels, digest = row
    return Document(document_id, title, text, kind, frozenset(json.loads(labels)), digest)


def _generation(db: sqlite3.Connection) -> str:
    [found] = db.execute("SELECT value FROM meta WHERE name = 'generation'").fetchone()
    return str(found)


def _hits(db: sqlite3.Connection, numbers: Collection[int]) -> dict[int, Hit]:
    placeholders = ", ".join("?" * len(numbers))
    rows = db.execute(
        f"SELECT number, title, {_CHUNK.replace('text', 'chunks.text')} FROM chunks "  # noqa: S608 - a constant
        f"JOIN documents ON documents.id = document WHERE number IN ({placeholders})",
        list(numbers),
    )
    return {number: Hit(Chunk.from_row(rest), title, 0.0) for number, title, *rest in rows}


def _new_generation(db: sqlite3.Connection) -> None:
    db.execute("UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE name = 'generation'")


def _ranked(found: Sequence[tuple[int, float]], hits: dict[int, Hit]) -> tuple[Hit, ...]:
    # Chunks that were deleted after the snapshot was taken have no row any more.
    return tuple(
        Hit(hits[number].chunk, hits[number].title, score)
        for number, score in found
        if number in hits
    )
