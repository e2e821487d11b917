"""How likely it is that the documents hold an answer."""

import math

from ..records import Found, Hit
from ..text.sparse import words
from .tuned import EvidenceModel

FEATURES = ("nearest", "near", "covered", "worded", "agreed")
_TOP = 3


def features(question: str, found: Found, fused: list[Hit]) -> tuple[float, ...]:
    """What tells an answerable question from another, each about 0 to 1.

    - nearest: cosine of the best chunk by meaning
    - near: mean cosine of the best three
    - covered: share of the question's words that stand in the best three chunks
    - worded: BM25 score of the best chunk by word, per word of the question, squashed
    - agreed: share of the best three by meaning that are among the best three by word
    """
    asked = set(words(question))
    dense = [hit.score for hit in found.dense[:_TOP]]
    text = " ".join(hit.chunk.searched for hit in fused[:_TOP])
    read = set(words(text))
    by_word = {hit.chunk.key for hit in found.sparse[:_TOP]}
    agreed = sum(hit.chunk.key in by_word for hit in found.dense[:_TOP])
    best = found.sparse[0].score if found.sparse else 0.0
    return (
        dense[0] if dense else 0.0,
        sum(dense) / len(dense) if dense else 0.0,
        len(asked & read) / len(asked) if asked else 0.0,
        math.tanh(best / (4 * len(asked))) if asked else 0.0,
        agreed / _TOP,
    )


def confidence(values: tuple[float, ...], model: EvidenceModel) -> float:
    """Probability that there is an answer."""
    total = sum(w * v for w, v in zip(model.weights, values, strict=True)) + model.bias
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, total))))
