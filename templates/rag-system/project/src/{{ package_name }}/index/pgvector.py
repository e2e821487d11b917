"""The index in PostgreSQL with pgvector.

Dense search uses pgvector's HNSW index with iterative scans: a search continues until enough rows
pass the filter (`hnsw.iterative_scan`). Sparse search computes BM25 in SQL from a table of
postings, with the same scores as the embedded index. A document is replaced in one transaction.
"""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from threading import local
from typing import Any

import psycopg
from pgvector.psycopg import register_vector
from psycopg import sql

from ..records import FIELDS, Chunk, Document, Entry, Hit, Scope, SearchResults, UserError
from ..settings import Settings
from .base import Query

_SCHEMA = """
CREATE EXTENSION IF NOT EXISTS vector;
CREATE TABLE IF NOT EXISTS {documents} (
  id text COLLATE "C" PRIMARY KEY, title text NOT NULL, kind text NOT NULL, folder text NOT NULL,
  labels text[] NOT NULL, digest text NOT NULL, text text NOT NULL
);
CREATE TABLE IF NOT EXISTS {chunks} (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  document text COLLATE "C" NOT NULL REFERENCES {documents} ON DELETE CASCADE,
  ordinal int NOT NULL, begins int NOT NULL, ends int NOT NULL,
  focus_begins int NOT NULL, focus_ends int NOT NULL,
  heading text NOT NULL, text text NOT NULL,
  dense vector({dimensions}) NOT NULL,
  UNIQUE (document, ordinal)
);
CREATE TABLE IF NOT EXISTS {postings} (
  term int NOT NULL, chunk bigint NOT NULL REFERENCES {chunks} ON DELETE CASCADE,
  weight real NOT NULL, PRIMARY KEY (term, chunk)
);
CREATE INDEX IF NOT EXISTS {by_chunk} ON {postings} (chunk);
CREATE INDEX IF NOT EXISTS {by_label} ON {documents} USING gin (labels);
CREATE INDEX IF NOT EXISTS {nearest} ON {chunks} USING hnsw (dense vector_ip_ops);
CREATE TABLE IF NOT EXISTS {meta} (generation bigint NOT NULL);
INSERT INTO {meta} SELECT 0 WHERE NOT EXISTS (SELECT FROM {meta});
"""
_CHUNK = "c.document, c.ordinal, c.begins, c.ends, c.text, c.heading, c.focus_begins, c.focus_ends"
_DENSE_SEARCH = """
SELECT {fields}, d.title, -(c.dense <#> %(query)s) AS score
FROM {chunks} c JOIN {documents} d ON d.id = c.document
WHERE {scope} ORDER BY c.dense <#> %(query)s LIMIT %(limit)s
"""
_SPARSE_SEARCH = """
WITH visible AS MATERIALIZED (
  SELECT c.number FROM {chunks} c JOIN {documents} d ON d.id = c.document WHERE {scope}
), query_terms AS (
  SELECT * FROM unnest(%(terms)s::int[], %(weights)s::real[]) AS t (term, frequency)
), matches AS (
  SELECT p.term, p.chunk, p.weight FROM {postings} p
  JOIN query_terms USING (term) JOIN visible ON visible.number = p.chunk
), idfs AS (
  SELECT term, ln(1 + ((SELECT count(*) FROM visible) - count(*) + 0.5) / (count(*) + 0.5)) AS idf
  FROM matches GROUP BY term
), ranked AS (
  SELECT chunk, sum(frequency * idf * weight) AS score
  FROM matches JOIN idfs USING (term) JOIN query_terms USING (term) GROUP BY chunk
)
SELECT {fields}, d.title, r.score FROM ranked r
JOIN {chunks} c ON c.number = r.chunk JOIN {documents} d ON d.id = c.document
ORDER BY round(r.score::numeric, 5) DESC, c.document, c.ordinal LIMIT %(limit)s
"""
_TABLES = ("documents", "chunks", "postings", "meta", "by_chunk", "by_label", "nearest")


def connect(settings: Settings, dimensions: int) -> "PgvectorStore":
    """Open the store in the database that the settings name.

    Raises:
        UserError: It can't be reached, or its vectors have another dimension.
    """
    return PgvectorStore(settings.postgres_url.get_secret_value(), settings.collection, dimensions)


class PgvectorStore:
    """The index in tables of a database. Each thread has its own connection.

    Args:
        url: The database's URL.
        prefix: The prefix of the tables' names; they are created if they don't exist.
        dimensions: Dimensions of the vectors.

    Raises:
        UserError: It can't be reached, or its vectors have another dimension.
    """

    def __init__(self, url: str, prefix: str, dimensions: int) -> None:
        self._url = url
        self._threads = local()
        self._open: list[psycopg.Connection[Any]] = []
        self._names = {name: sql.Identifier(f"{prefix}_{name}") for name in _TABLES}
        try:
            with psycopg.connect(url, autocommit=True, connect_timeout=10) as db:
                # Two processes that start together must not both create the tables.
                db.execute("SELECT pg_advisory_lock(20260101)")
                db.execute(self._sql(_SCHEMA, dimensions=sql.Literal(dimensions)))
                found = self._dimensions(db)
        except psycopg.Error as error:
            raise UserError(f"cannot use PostgreSQL: {error}".strip()) from error
        if found != dimensions:
            raise UserError(
                f"the tables {prefix}_* have vectors of length {found}, not {dimensions}: they "
                "were created with another embedding model. Set APP_COLLECTION to another prefix."
            )

    def manifest(self) -> dict[str, str]:
        """Return the digest of each document, by its id."""
        with self._transaction() as db:
            return dict(db.execute(self._sql("SELECT id, digest FROM {documents}")).fetchall())

    def put(self, document: Document, entries: Sequence[Entry]) -> None:
        """Add a document, or replace the one with its id."""
        with self._transaction() as db:
            db.execute(self._sql("DELETE FROM {documents} WHERE id = %s"), [document.id])
            db.execute(
                self._sql("INSERT INTO {documents} VALUES (%s, %s, %s, %s, %s, %s, %s)"),
                [
                    document.id,
                    document.title,
                    document.kind,
                    document.folder,
                    sorted(document.labels),
                    document.digest,
                    document.text,
                ],
            )
            for entry in entries:
                self._insert(db, entry)
            self._new_generation(db)

    def delete(self, documents: Collection[str]) -> None:
        """Delete documents; unknown ids are ignored."""
        with self._transaction() as db:
            db.execute(self._sql("DELETE FROM {documents} WHERE id = ANY(%s)"), [list(documents)])
            self._new_generation(db)

    def search(self, query: Query, scope: Scope, limit: int) -> SearchResults:
        """Return the best chunks in scope, at most `limit` each by dense and by sparse search."""
        condition, values = _condition(scope)
        fields = sql.SQL(_CHUNK)
        dense = {**values, "query": query.dense, "limit": limit}
        terms, weights = query.sparse.terms.tolist(), query.sparse.weights.tolist()
        sparse = {**values, "terms": terms, "weights": weights, "limit": limit}
        with self._transaction() as db:
            db.execute("SET LOCAL hnsw.iterative_scan = strict_order")
            dense_rows = db.execute(
                self._sql(_DENSE_SEARCH, fields=fields, scope=condition), dense
            ).fetchall()
            sparse_rows = db.execute(
                self._sql(_SPARSE_SEARCH, fields=fields, scope=condition), sparse
            ).fetchall()
        return SearchResults(
            tuple(map(_hit, dense_rows)),
            tuple(hit for hit in map(_hit, sparse_rows) if hit.score > 0),
        )

    def document(self, document_id: str, scope: Scope) -> Document | None:
        """Return a document, or None if it doesn't exist or is out of scope."""
        query = "SELECT id, title, text, kind, labels, digest FROM {documents} WHERE id = %s"
        with self._transaction() as db:
            row = db.execute(self._sql(query), [document_id]).fetchone()
        found = _document(row) if row else None
        return found if found and scope.admits(found) else None

    def documents(self, scope: Scope) -> list[Document]:
        """Return all documents in scope, ordered by id and without their text."""
        query = "SELECT id, title, '', kind, labels, digest FROM {documents} ORDER BY id"
        with self._transaction() as db:
            rows = db.execute(self._sql(query)).fetchall()
        return [found for found in map(_document, rows) if scope.admits(found)]

    def generation(self) -> str:
        """Return an id that changes with the contents."""
        with self._transaction() as db:
            [found] = db.execute(self._sql("SELECT generation FROM {meta}")).fetchone() or [0]
        return str(found)

    def fingerprint(self) -> str:
        """Return a digest of all contents."""
        digest = hashlib.sha256()
        queries = (
            "SELECT * FROM {documents} ORDER BY id",
            "SELECT {fields}, c.dense::text FROM {chunks} c ORDER BY c.document, c.ordinal",
            """SELECT c.document, c.ordinal, p.term, p.weight FROM {postings} p
            JOIN {chunks} c ON c.number = p.chunk ORDER BY 1, 2, 3""",
        )
        with self._transaction() as db:
            for query in queries:
                for row in db.execute(self._sql(query, fields=sql.SQL(_CHUNK))):
                    digest.update(repr(row).encode())
        return digest.hexdigest()

    def close(self) -> None:
        """Close the connections of all threads."""
        for each in self._open:
            each.close()

    def _sql(self, text: str, **more: sql.Composable) -> sql.Composed:
        return sql.SQL(text).format(**self._names, **more)

    @contextmanager
    def _transaction(self) -> Iterator[psycopg.Connection[Any]]:
        """Run the block in a transaction, on this thread's connection; reconnect if it broke."""
        db: psycopg.Connection[Any] | None = getattr(self._threads, "db", None)
        if db is None or db.closed:
            db = psycopg.connect(self._url, autocommit=True)
            register_vector(db)
            self._threads.db = db
            self._open.append(db)
        with db.transaction():
            yield db

    def _dimensions(self, db: psycopg.Connection[Any]) -> int:
        query = (
            "SELECT atttypmod FROM pg_attribute "
            "WHERE attrelid = {name}::regclass AND attname = 'dense'"
        )
        name = sql.Literal(self._names["chunks"].as_string(db))
        [found] = db.execute(sql.SQL(query).format(name=name)).fetchone() or [0]
        return int(found)

    def _insert(self, db: psycopg.Connection[Any], entry: Entry) -> None:
        chunk = entry.chunk
        insert = (
            "INSERT INTO {chunks} (document, ordinal, begins, ends, text, heading, focus_begins, "
            "focus_ends, dense) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING number"
        )
        values = [
            chunk.document,
            chunk.ordinal,
            chunk.start,
            chunk.end,
            chunk.text,
            chunk.heading,
            *chunk.focus,
            entry.dense,
        ]
        [number] = db.execute(self._sql(insert), values).fetchone() or [0]
        terms, weights = entry.sparse.terms.tolist(), entry.sparse.weights.tolist()
        db.execute(
            self._sql(
                "INSERT INTO {postings} SELECT t.term, %s, t.weight "
                "FROM unnest(%s::int[], %s::real[]) AS t (term, weight)"
            ),
            [number, terms, weights],
        )

    def _new_generation(self, db: psycopg.Connection[Any]) -> None:
        db.execute(self._sql("UPDATE {meta} SET generation = generation + 1"))


def _condition(scope: Scope) -> tuple[sql.Composed, dict[str, Any]]:
    """Translate a scope into an SQL condition and its parameters."""
    columns = {"document": "id"}
    parts = [sql.SQL("d.labels && %(labels)s::text[]")]
    values: dict[str, Any] = {"labels": sorted(scope.labels)}
    for field, value in sorted(scope.where):
        if field in FIELDS:
            column = sql.Identifier("d", columns.get(field, field))
            parts.append(sql.SQL("{} = {}").format(column, sql.Placeholder(field)))  # type: ignore[arg-type]
            values[field] = value
        else:
            parts.append(sql.SQL("false"))
    return sql.SQL(" AND ").join(parts), values


def _hit(row: Sequence[Any]) -> Hit:
    *fields, title, score = row
    return Hit(Chunk.from_row(fields), title, float(score))


def _document(row: Sequence[Any]) -> Document:
    document_id, title, text, kind, labels, digest = row
    return Document(document_id, title, text, kind, frozenset(labels), digest)
