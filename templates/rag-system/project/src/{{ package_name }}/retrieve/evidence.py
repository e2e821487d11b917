"""How likely it is that the documents hold an answer."""

import math

from ..records import Found, Hit
from ..text.sparse import words
from .tuned import EvidenceModel

FEATURES = ("nearest", "covered", "worded")
_TOP = 3


def features(question: str, found: Found, fused: list[Hit]) -> tuple[float, ...]:
    """What tells an answerable question from another, each about 0 to 1.

    - nearest: cosine of the best chunk by meaning
    - covered: share of the question's words that stand in the best three chunks
    - worded: BM25 score of the best chunk by word, per word of the question, squashed

    Few, because there are few questions to weigh them with.
    """
    asked = set(words(question))
    text = " ".join(hit.chunk.searched for hit in fused[:_TOP])
    read = set(words(text))
    best = found.sparse[0].score if found.sparse else 0.0
    return (
        found.dense[0].score if found.dense else 0.0,
        len(asked & read) / len(asked) if asked else 0.0,
        math.tanh(best / (4 * len(asked))) if asked else 0.0,
    )


def confidence(values: tuple[float, ...], model: EvidenceModel) -> float:
    """Probability that there is an answer."""
    total = sum(w * v for w, v in zip(model.weights, values, strict=True)) + model.bias
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, total))))
