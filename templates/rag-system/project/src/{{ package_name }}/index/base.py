"""What every store can do."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..records import Document, Entry, Found, Scope, SparseVector


@dataclass(frozen=True, slots=True)
class Query:
    """A question in both forms.

    Attributes:
        dense: Its embedding; shape (dimensions,).
        sparse: Its terms.
    """

    dense: NDArray[np.float32]
    sparse: SparseVector


class Store(Protocol):
    """Keeps documents and their chunks, and finds those that a scope admits.

    All methods may be called from any thread. A document is replaced as a whole: whatever
    interrupts `put`, the manifest names it only when all of it is there.
    """

    def manifest(self) -> dict[str, str]:
        """Digest of each complete document, by its id."""

    def put(self, document: Document, entries: Sequence[Entry]) -> None:
        """Take in a document, in place of what was there under its id."""

    def delete(self, documents: Collection[str]) -> None:
        """Forget documents; unknown ids do no harm."""

    def search(self, query: Query, scope: Scope, limit: int) -> Found:
        """The best chunks in scope by meaning and by word, at most `limit` of each.

        Those that share no word with the question are not found by word.
        """

    def document(self, identity: str, scope: Scope) -> Document | None:
        """A document, if it is there and in scope."""

    def documents(self, scope: Scope) -> list[Document]:
        """All documents in scope, by id; their text is left out."""

    def generation(self) -> str:
        """Changes whenever the contents do; cached answers of another one are stale."""

    def fingerprint(self) -> str:
        """Digest of all contents: the same for the same documents, however they came in."""

    def close(self) -> None:
        """Let go of files and connections."""
