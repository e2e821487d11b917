"""Estimates how likely it is that the documents contain an answer."""

import math

from ..records import Hit, SearchResults
from ..text.sparse import words
from .tuned import EvidenceModel

FEATURES = ("nearest", "coverage", "bm25")
_TOP = 3


def features(question: str, results: SearchResults, fused: list[Hit]) -> tuple[float, ...]:
    """Return the features that separate answerable from unanswerable questions, each about 0 to 1.

    - nearest: the cosine similarity of the best dense hit
    - coverage: the share of the question's words in the best three chunks
    - bm25: the BM25 score of the best sparse hit, per word of the question, squashed

    There are only three because there are few questions to fit their weights on.
    """
    asked = set(words(question))
    best_chunks = " ".join(hit.chunk.indexed_text for hit in fused[:_TOP])
    covered = asked & set(words(best_chunks))
    best_bm25 = results.sparse[0].score if results.sparse else 0.0
    return (
        results.dense[0].score if results.dense else 0.0,
        len(covered) / len(asked) if asked else 0.0,
        math.tanh(best_bm25 / (4 * len(asked))) if asked else 0.0,
    )


def confidence(values: tuple[float, ...], model: EvidenceModel) -> float:
    """Return the probability that there is an answer."""
    total = sum(w * v for w, v in zip(model.weights, values, strict=True)) + model.bias
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, total))))
