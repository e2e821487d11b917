"""The embedded index in memory: a matrix of vectors, postings, and access masks."""

import json
import sqlite3
from dataclasses import dataclass, field
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from ..records import Document, Scope, SparseVector
from ..text.sparse import idf

_DECIMALS = 5
"""The last bits of a float sum depend on the matrix's shape; the ranking must not."""
_MASKS = 64

Mask = NDArray[np.bool_]
Ranked = list[tuple[int, float]]


@dataclass(frozen=True, slots=True)
class Postings:
    """An inverted index: for each term, the rows that contain it and its weight in each.

    Attributes:
        terms: All terms, ascending; shape (t,).
        begins: Where each term's rows begin; shape (t + 1,).
        rows: The rows of all terms, one term after the other; shape (postings,).
        weights: The term's weight in that row; shape (postings,).
    """

    terms: NDArray[np.int32]
    begins: NDArray[np.int64]
    rows: NDArray[np.int32]
    weights: NDArray[np.float32]

    def of(self, term: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Return the rows that contain a term, and its weights there."""
        index = int(np.searchsorted(self.terms, term))
        if index == len(self.terms) or self.terms[index] != term:
            return self.rows[:0], self.weights[:0]
        part = slice(int(self.begins[index]), int(self.begins[index + 1]))
        return self.rows[part], self.weights[part]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The index at one moment. Rows are ordered by document and ordinal.

    Attributes:
        generation: The file's generation.
        numbers: Each row's chunk number in the file; shape (n,).
        owners: Each row's document, as an index into `documents`; shape (n,).
        dense: Vectors of length one; shape (n, dimensions).
        postings: The inverted index for keyword search.
        documents: All documents, without their text.
    """

    generation: str
    numbers: NDArray[np.int64]
    owners: NDArray[np.int32]
    dense: NDArray[np.float32]
    postings: Postings
    documents: tuple[Document, ...]
    _masks: dict[Scope, Mask] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def mask(self, scope: Scope) -> Mask:
        """Return which rows are in scope; shape (n,)."""
        with self._lock:
            mask = self._masks.get(scope)
            if mask is None:
                admitted = np.fromiter(map(scope.admits, self.documents), bool, len(self.documents))
                mask = admitted[self.owners]
                if len(self._masks) >= _MASKS:
                    self._masks.pop(next(iter(self._masks)))
                self._masks[scope] = mask
            return mask

    def search_dense(self, query: NDArray[np.float32], mask: Mask, limit: int) -> Ranked:
        """Return the rows in scope with the nearest vectors, and their cosine similarity."""
        return self._best(self.dense @ query, np.flatnonzero(mask), limit)

    def search_sparse(self, query: SparseVector, mask: Mask, limit: int) -> Ranked:
        """Return the rows in scope with the highest BM25 scores.

        IDF is computed over the rows in scope only, so the order of a caller's results reveals
        nothing about documents that the caller may not see.
        """
        scores = np.zeros(len(self.numbers), np.float32)
        visible = int(mask.sum())
        for term, weight in zip(query.terms.tolist(), query.weights.tolist(), strict=True):
            rows, weights = self.postings.of(term)
            in_scope = mask[rows]
            if matching := int(in_scope.sum()):
                # `+=` with an index array needs distinct rows; a term has each row only once.
                scores[rows[in_scope]] += weight * idf(visible, matching) * weights[in_scope]
        return self._best(scores, np.flatnonzero(scores > 0), limit)

    def _best(self, scores: NDArray[np.float32], rows: NDArray[np.intp], limit: int) -> Ranked:
        """Return the highest-scoring rows; ties keep the order of the rows."""
        values = scores[rows]
        limit = min(limit, len(values))
        if not limit:
            return []
        # Rounding all scores would take longer than the search; only the top ones can tie.
        least = np.partition(values, -limit)[-limit] - 10.0**-_DECIMALS
        top = rows[values >= least]
        rounded = scores[top].round(_DECIMALS)
        order = np.argsort(-rounded, kind="stable")[:limit]
        return list(zip(self.numbers[top[order]].tolist(), rounded[order].tolist(), strict=True))


def take_snapshot(db: sqlite3.Connection, dimensions: int) -> Snapshot:
    """Read the current index."""
    db.execute("BEGIN")  # all reads below see the same state of the file
    [generation] = db.execute("SELECT value FROM meta WHERE name = 'generation'").fetchone()
    documents = tuple(
        Document(document_id, title, "", kind, frozenset(json.loads(labels)), digest)
        for document_id, title, kind, labels, digest in db.execute(
            "SELECT id, title, kind, labels, digest FROM documents ORDER BY id"
        )
    )
    [count] = db.execute("SELECT count(*) FROM chunks").fetchone()
    positions = {document.id: index for index, document in enumerate(documents)}
    numbers, owners = np.empty(count, np.int64), np.empty(count, np.int32)
    dense = np.empty((count, dimensions), np.float32)
    terms: list[NDArray[np.int32]] = []
    weights: list[NDArray[np.float32]] = []
    rows = db.execute(
        "SELECT number, document, dense, terms, weights FROM chunks ORDER BY document, ordinal"
    )
    for row, (number, document, vector, row_terms, row_weights) in enumerate(rows):
        numbers[row], owners[row] = number, positions[document]
        dense[row] = np.frombuffer(vector, "<f4")
        terms.append(np.frombuffer(row_terms, "<i4"))
        weights.append(np.frombuffer(row_weights, "<f4"))
    return Snapshot(generation, numbers, owners, dense, _postings(terms, weights), documents)


def _postings(terms: list[NDArray[np.int32]], weights: list[NDArray[np.float32]]) -> Postings:
    """Invert the index: from terms per row to rows per term."""
    rows = np.repeat(np.arange(len(terms), dtype=np.int32), [len(each) for each in terms])
    flat = np.concatenate([np.empty(0, np.int32), *terms])
    order = np.argsort(flat, kind="stable")
    unique, begins = np.unique(flat[order], return_index=True)
    return Postings(
        unique,
        np.append(begins, len(flat)),
        rows[order],
        np.concatenate([np.empty(0, np.float32), *weights])[order],
    )
