"""Hybrid search: by meaning and by word, fused, and perhaps read once more by a reranker."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..index.base import Query, Store
from ..records import Hit, Scope
from ..steps import step
from ..text.embed import Embedder
from ..text.rerank import Reranker
from ..text.sparse import of_question
from .evidence import confidence, features
from .fuse import fuse, interleave
from .tuned import Tuned

DEPTH = 50
"""Chunks that each half of a search contributes."""
RERANKED = 10


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What was found for a question.

    Attributes:
        hits: The best chunks, best first.
        confidence: Probability that an answer is among them.
    """

    hits: tuple[Hit, ...]
    confidence: float


class Retriever:
    """Searches a store.

    Args:
        store: Where to search.
        embedder: The model that the store's vectors were made with.
        tuned: How to fuse, and how to judge what was found.
        reranker: Reads the best chunks once more.
    """

    def __init__(
        self, store: Store, embedder: Embedder, tuned: Tuned, reranker: Reranker | None = None
    ) -> None:
        self.store = store
        self.embedder = embedder
        self.tuned = tuned
        self.reranker = reranker

    def embed(self, questions: list[str]) -> NDArray[np.float32]:
        """Vectors of questions; shape (questions, dimensions)."""
        model = self.embedder.name
        with step("embed", gen_ai__operation__name="embeddings", gen_ai__request__model=model):
            return self.embedder.embed(questions)

    def retrieve(self, questions: list[str], scope: Scope, limit: int) -> Retrieved:
        """Search for each part of a question, and take turns between what is found."""
        vectors = self.embed(questions)
        found = [
            self._one(question, vector, scope)
            for question, vector in zip(questions, vectors, strict=True)
        ]
        hits = interleave([each.hits for each in found])
        return Retrieved(tuple(hits[:limit]), max(each.confidence for each in found))

    def _one(self, question: str, vector: NDArray[np.float32], scope: Scope) -> Retrieved:
        with step("search", gen_ai__operation__name="retrieval") as span:
            found = self.store.search(Query(vector, of_question(question)), scope, DEPTH)
            hits = fuse(found, self.tuned.fusion)
            span.set_attribute("retrieval.hits", len(hits))
        certainty = confidence(features(question, found, hits), self.tuned.evidence)
        if self.reranker:
            with step("rerank"):
                hits[:RERANKED] = self.reranker.rerank(question, hits[:RERANKED])
        return Retrieved(tuple(hits), certainty)
