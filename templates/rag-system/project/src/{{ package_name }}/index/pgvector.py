"""The index in PostgreSQL with pgvector.

By meaning, pgvector's HNSW index finds what is near, going on until the filter has let enough pass
(`hnsw.iterative_scan`). By word, BM25 is summed in SQL from a table of postings: the same numbers
as in the embedded index. A document is replaced in one transaction.
"""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from threading import local
from typing import Any

import psycopg
from pgvector.psycopg import register_vector
from psycopg import sql

from ..records import FIELDS, Chunk, Document, Entry, Found, Hit, Scope, UserError
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
_BY_MEANING = """
SELECT {fields}, d.title, -(c.dense <#> %(query)s) AS score
FROM {chunks} c JOIN {documents} d ON d.id = c.document
WHERE {scope} ORDER BY c.dense <#> %(query)s LIMIT %(limit)s
"""
_BY_WORD = """
WITH visible AS MATERIALIZED (
  SELECT c.number FROM {chunks} c JOIN {documents} d ON d.id = c.document WHERE {scope}
), asked AS (
  SELECT * FROM unnest(%(terms)s::int[], %(weights)s::real[]) AS t (term, times)
), held AS (
  SELECT p.term, p.chunk, p.weight FROM {postings} p
  JOIN asked USING (term) JOIN visible ON visible.number = p.chunk
), rarity AS (
  SELECT term, ln(1 + ((SELECT count(*) FROM visible) - count(*) + 0.5) / (count(*) + 0.5)) AS idf
  FROM held GROUP BY term
), ranked AS (
  SELECT chunk, sum(times * idf * weight) AS score
  FROM held JOIN rarity USING (term) JOIN asked USING (term) GROUP BY chunk
)
SELECT {fields}, d.title, r.score FROM ranked r
JOIN {chunks} c ON c.number = r.chunk JOIN {documents} d ON d.id = c.document
ORDER BY round(r.score::numeric, 5) DESC, c.document, c.ordinal LIMIT %(limit)s
"""
_TABLES = ("documents", "chunks", "postings", "meta", "by_chunk", "by_label", "nearest")


def connect(settings: Settings, dimensions: int) -> "Pgvector":
    """The store in the database that the settings name.

    Raises:
        UserError: It can't be reached, or holds vectors of another length.
    """
    return Pgvector(settings.postgres_url.get_secret_value(), settings.collection, dimensions)


class Pgvector:
    """The index in some tables of a database. Each thread has a connection of its own.

    Args:
        url: Of the database.
        prefix: What the tables' names begin with; they are made if they aren't there yet.
        dimensions: Length of the vectors.

    Raises:
        UserError: It can't be reached, or holds vectors of another length.
    """

    def __init__(self, url: str, prefix: str, dimensions: int) -> None:
        self._url = url
        self._threads = local()
        self._open: list[psycopg.Connection[Any]] = []
        self._names = {name: sql.Identifier(f"{prefix}_{name}") for name in _TABLES}
        try:
            with psycopg.connect(url, autocommit=True, connect_timeout=10) as db:
                # Two processes that start at once must not both make the tables.
                db.execute("SELECT pg_advisory_lock(20260101)")
                db.execute(self._sql(_SCHEMA, dimensions=sql.Literal(dimensions)))
                found = self._dimensions(db)
        except psycopg.Error as error:
            raise UserError(f"cannot use PostgreSQL: {error}".strip()) from error
        if found != dimensions:
            raise UserError(
                f"the tables {prefix}_* hold vectors of length {found}, not {dimensions}: they "
                "were made with another embedding model. APP_COLLECTION names others."
            )

    def manifest(self) -> dict[str, str]:
        """Digest of each document, by its id."""
        with self._transaction() as db:
            return dict(db.execute(self._sql("SELECT id, digest FROM {documents}")).fetchall())

    def put(self, document: Document, entries: Sequence[Entry]) -> None:
        """Take in a document, in place of what was there under its id."""
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
            self._changed(db)

    def delete(self, documents: Collection[str]) -> None:
        """Forget documents; unknown ids do no harm."""
        with self._transaction() as db:
            db.execute(self._sql("DELETE FROM {documents} WHERE id = ANY(%s)"), [list(documents)])
            self._changed(db)

    def search(self, query: Query, scope: Scope, limit: int) -> Found:
        """The best chunks in scope by meaning and by word, at most `limit` of each."""
        condition, values = _condition(scope)
        fields = sql.SQL(_CHUNK)
        dense = {**values, "query": query.dense, "limit": limit}
        terms, weights = query.sparse.terms.tolist(), query.sparse.weights.tolist()
        sparse = {**values, "terms": terms, "weights": weights, "limit": limit}
        with self._transaction() as db:
            db.execute("SET LOCAL hnsw.iterative_scan = strict_order")
            near = db.execute(self._sql(_BY_MEANING, fields=fields, scope=condition), dense)
            dense_hits = tuple(map(_hit, near.fetchall()))
            worded = db.execute(self._sql(_BY_WORD, fields=fields, scope=condition), sparse)
            sparse_hits = tuple(hit for hit in map(_hit, worded.fetchall()) if hit.score > 0)
        return Found(dense_hits, sparse_hits)

    def document(self, identity: str, scope: Scope) -> Document | None:
        """A document, if it is there and in scope."""
        query = "SELECT id, title, text, kind, labels, digest FROM {documents} WHERE id = %s"
        with self._transaction() as db:
            row = db.execute(self._sql(query), [identity]).fetchone()
        found = _document(row) if row else None
        return found if found and scope.admits(found) else None

    def documents(self, scope: Scope) -> list[Document]:
        """All documents in scope, by id; their text is left out."""
        query = "SELECT id, title, '', kind, labels, digest FROM {documents} ORDER BY id"
        with self._transaction() as db:
            rows = db.execute(self._sql(query)).fetchall()
        return [found for found in map(_document, rows) if scope.admits(found)]

    def generation(self) -> str:
        """Changes whenever the contents do."""
        with self._transaction() as db:
            [found] = db.execute(self._sql("SELECT generation FROM {meta}")).fetchone() or [0]
        return str(found)

    def fingerprint(self) -> str:
        """Digest of all contents."""
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
        """This thread's connection, made anew if it has broken."""
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

    def _changed(self, db: psycopg.Connection[Any]) -> None:
        db.execute(self._sql("UPDATE {meta} SET generation = generation + 1"))


def _condition(scope: Scope) -> tuple[sql.Composed, dict[str, Any]]:
    """A scope as SQL, and its values."""
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
    return Hit(Chunk.of(fields), title, float(score))


def _document(row: Sequence[Any]) -> Document:
    identity, title, text, kind, labels, digest = row
    return Document(identity, title, text, kind, frozenset(labels), digest)
