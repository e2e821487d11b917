"""The embedded index in memory: a matrix of vectors, postings, and who may see what."""

import json
import sqlite3
from dataclasses import dataclass, field
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from ..records import Document, Scope, SparseVector
from ..text.sparse import idf

_DECIMALS = 5
"""Sums of floats differ in their last bits with the shape of a matrix; ranks must not."""
_MASKS = 64

Mask = NDArray[np.bool_]
Ranked = list[tuple[int, float]]


@dataclass(frozen=True, slots=True)
class Postings:
    """Which rows hold a term, and with what weight.

    Attributes:
        terms: All terms, ascending; shape (t,).
        begins: Where the rows of each begin; shape (t + 1,).
        rows: Rows, term after term; shape (postings,).
        weights: Of the term in that row; shape (postings,).
    """

    terms: NDArray[np.int32]
    begins: NDArray[np.int64]
    rows: NDArray[np.int32]
    weights: NDArray[np.float32]

    def of(self, term: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Rows that hold a term, and its weights there."""
        place = int(np.searchsorted(self.terms, term))
        if place == len(self.terms) or self.terms[place] != term:
            return self.rows[:0], self.weights[:0]
        part = slice(int(self.begins[place]), int(self.begins[place + 1]))
        return self.rows[part], self.weights[part]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The index as it was at one moment. Rows are ordered by document and ordinal.

    Attributes:
        generation: That of the file.
        numbers: The chunk's number in the file, by row; shape (n,).
        owners: The document, an index into `documents`, by row; shape (n,).
        dense: Vectors of length one; shape (n, dimensions).
        postings: For search by word.
        documents: Without their text.
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
        """Which rows are in scope; shape (n,)."""
        with self._lock:
            found = self._masks.get(scope)
            if found is None:
                admitted = np.fromiter(map(scope.admits, self.documents), bool, len(self.documents))
                found = admitted[self.owners]
                if len(self._masks) >= _MASKS:
                    self._masks.pop(next(iter(self._masks)))
                self._masks[scope] = found
            return found

    def by_meaning(self, query: NDArray[np.float32], mask: Mask, limit: int) -> Ranked:
        """The rows in scope whose vectors are nearest, with their cosine."""
        return self._best(self.dense @ query, np.flatnonzero(mask), limit)

    def by_word(self, query: SparseVector, mask: Mask, limit: int) -> Ranked:
        """The rows in scope with the highest BM25 score.

        How rare a word is, is counted among what is in scope: the order of what a caller sees
        tells nothing of what they don't see.
        """
        scores = np.zeros(len(self.numbers), np.float32)
        visible = int(mask.sum())
        for term, weight in zip(query.terms.tolist(), query.weights.tolist(), strict=True):
            rows, weights = self.postings.of(term)
            seen = mask[rows]
            if holding := int(seen.sum()):
                # A row stands but once among those of a term, so nothing is added to twice.
                scores[rows[seen]] += weight * idf(visible, holding) * weights[seen]
        return self._best(scores, np.flatnonzero(scores > 0), limit)

    def _best(self, scores: NDArray[np.float32], rows: NDArray[np.intp], limit: int) -> Ranked:
        """The highest scores of some rows, those alike in the order of the rows."""
        values = scores[rows]
        limit = min(limit, len(values))
        if not limit:
            return []
        # To round them all would take longer than to search; those near the last place may tie.
        least = np.partition(values, -limit)[-limit] - 10.0**-_DECIMALS
        near = rows[values >= least]
        rounded = scores[near].round(_DECIMALS)
        order = np.argsort(-rounded, kind="stable")[:limit]
        return list(zip(self.numbers[near[order]].tolist(), rounded[order].tolist(), strict=True))


def take_snapshot(db: sqlite3.Connection, dimensions: int) -> Snapshot:
    """Read the index as it is now."""
    db.execute("BEGIN")  # one state of the file for all that follows
    [generation] = db.execute("SELECT value FROM meta WHERE name = 'generation'").fetchone()
    documents = tuple(
        Document(identity, title, "", kind, frozenset(json.loads(labels)), digest)
        for identity, title, kind, labels, digest in db.execute(
            "SELECT id, title, kind, labels, digest FROM documents ORDER BY id"
        )
    )
    [count] = db.execute("SELECT count(*) FROM chunks").fetchone()
    places = {document.id: index for index, document in enumerate(documents)}
    numbers, owners = np.empty(count, np.int64), np.empty(count, np.int32)
    dense = np.empty((count, dimensions), np.float32)
    terms: list[NDArray[np.int32]] = []
    weights: list[NDArray[np.float32]] = []
    rows = db.execute(
        "SELECT number, document, dense, terms, weights FROM chunks ORDER BY document, ordinal"
    )
    for row, (number, document, vector, row_terms, row_weights) in enumerate(rows):
        numbers[row], owners[row] = number, places[document]
        dense[row] = np.frombuffer(vector, "<f4")
        terms.append(np.frombuffer(row_terms, "<i4"))
        weights.append(np.frombuffer(row_weights, "<f4"))
    return Snapshot(generation, numbers, owners, dense, _postings(terms, weights), documents)


def _postings(terms: list[NDArray[np.int32]], weights: list[NDArray[np.float32]]) -> Postings:
    """Turn the terms of rows into the rows of terms."""
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
