"""Hybrid search: dense and sparse results, fused and optionally reranked."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..index.base import Query, Store
from ..records import Hit, Scope
from ..text.embed import Embedder
from ..text.rerank import Reranker
from ..text.sparse import question_vector
from ..tracing import step
from .evidence import confidence, features
from .fuse import fuse, interleave
from .tuned import Tuned

DEPTH = 50
"""Chunks that dense and sparse search contribute each."""
RERANK_DEPTH = 10


@dataclass(frozen=True, slots=True)
class RetrievalResult:
    """The passages retrieved for a question.

    Attributes:
        hits: The best chunks, best first.
        confidence: The probability that they contain an answer.
    """

    hits: tuple[Hit, ...]
    confidence: float


class Retriever:
    """Searches a store.

    Args:
        store: The store.
        embedder: The model that the store's vectors were made with.
        tuned: The parameters of the fusion and of the confidence.
        reranker: Reorders the best chunks, if there is one.
    """

    def __init__(
        self, store: Store, embedder: Embedder, tuned: Tuned, reranker: Reranker | None = None
    ) -> None:
        self.store = store
        self.embedder = embedder
        self.tuned = tuned
        self.reranker = reranker

    def embed(self, questions: list[str]) -> NDArray[np.float32]:
        """Embed questions; shape (questions, dimensions)."""
        model = self.embedder.name
        with step("embed", gen_ai__operation__name="embeddings", gen_ai__request__model=model):
            return self.embedder.embed(questions)

    def retrieve(self, questions: list[str], scope: Scope, limit: int) -> RetrievalResult:
        """Search for each part of a question, and interleave the results."""
        vectors = self.embed(questions)
        results = [
            self._retrieve_one(question, vector, scope)
            for question, vector in zip(questions, vectors, strict=True)
        ]
        hits = interleave([each.hits for each in results])
        return RetrievalResult(tuple(hits[:limit]), max(each.confidence for each in results))

    def _retrieve_one(
        self, question: str, vector: NDArray[np.float32], scope: Scope
    ) -> RetrievalResult:
        with step("search", gen_ai__operation__name="retrieval") as span:
            results = self.store.search(Query(vector, question_vector(question)), scope, DEPTH)
            hits = fuse(results, self.tuned.fusion)
            span.set_attribute("retrieval.hits", len(hits))
        probability = confidence(features(question, results, hits), self.tuned.evidence)
        if self.reranker:
            with step("rerank"):
                hits[:RERANK_DEPTH] = self.reranker.rerank(question, hits[:RERANK_DEPTH])
        return RetrievalResult(tuple(hits), probability)
