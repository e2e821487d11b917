"""The interface of all stores."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..records import Document, Entry, Scope, SearchResults, SparseVector


@dataclass(frozen=True, slots=True)
class Query:
    """A question as a dense and as a sparse vector.

    Attributes:
        dense: Its embedding; shape (dimensions,).
        sparse: Its terms.
    """

    dense: NDArray[np.float32]
    sparse: SparseVector


class Store(Protocol):
    """Keeps documents and their chunks, and finds those that are in scope.

    All methods may be called from any thread. A document is replaced as a whole: if `put` is
    interrupted, the manifest does not list the document until it is complete.
    """

    def manifest(self) -> dict[str, str]:
        """Return the digest of each complete document, by its id."""

    def put(self, document: Document, entries: Sequence[Entry]) -> None:
        """Add a document, or replace the one with its id."""

    def delete(self, documents: Collection[str]) -> None:
        """Delete documents; unknown ids are ignored."""

    def search(self, query: Query, scope: Scope, limit: int) -> SearchResults:
        """Return the best chunks in scope, at most `limit` each by dense and by sparse search.

        Sparse search returns only chunks that share a word with the question.
        """

    def document(self, document_id: str, scope: Scope) -> Document | None:
        """Return a document, or None if it doesn't exist or is out of scope."""

    def documents(self, scope: Scope) -> list[Document]:
        """Return all documents in scope, ordered by id and without their text."""

    def generation(self) -> str:
        """Return an id that changes with the contents; it invalidates cached answers."""

    def fingerprint(self) -> str:
        """Return a digest of all contents, which does not depend on the order of changes."""

    def close(self) -> None:
        """Close files and connections."""
