"""BM25 as sparse vectors, so that every store does keyword search in the same way.

A score is the sum over a question's terms of `idf * tf * (k1 + 1) / (tf + k1 * (1 - b + b * length
/ average))` (Robertson and Zaragoza, 2009). With a fixed average length, the second factor depends
only on the chunk, and that is what its sparse vector holds. The IDF depends on all chunks that the
caller may see, so the store computes it at query time. A document's vectors thus don't depend on
other documents, and adding one changes no other.
"""

import re
from collections import Counter
from functools import cache, lru_cache
from hashlib import blake2b
from typing import Any

import numpy as np

from ..records import SparseVector

K1 = 1.2
B = 0.75
AVERAGE_LENGTH = 80
"""Terms in a typical chunk."""

_WORD = re.compile(r"\w+")
_STOP = (
    "a about after again all also am an and any are as at be because been before being between "
    "both but by can could did do does doing don down during each else few for from further get "
    "had has have having he her here hers him his how i if in into is it its itself just like may "
    "me might more most must my no nor not now of off on once only or other our ours out over own "
    "please s same she should so some such t tell than that the their theirs them then there "
    "these they this those through to too under until up us use used using very want was way we "
    "were what when where which while who whom whose why will with without would you your yours "
)
STOP_WORDS = frozenset(_STOP.split())


def words(text: str) -> list[str]:
    """Return the content words of a text: lower case, stemmed, in order, without stop words."""
    return [stem(word) for word in _WORD.findall(text.lower()) if word not in STOP_WORDS]


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """Return a word's stem (Porter's second English stemmer)."""
    found: str = _stemmer().stemWord(word)
    return found


@cache
def _stemmer() -> Any:
    import snowballstemmer  # noqa: PLC0415 - heavy

    return snowballstemmer.stemmer("english")


@lru_cache(maxsize=100_000)
def term_id(word: str) -> int:
    """Hash a word to 31 bits; collisions within a corpus are too rare to matter."""
    return int.from_bytes(blake2b(word.encode(), digest_size=4).digest(), "big") >> 1


def chunk_vector(text: str) -> SparseVector:
    """Return the BM25 weights of a chunk's terms, without IDF."""
    found = words(text)
    counts = Counter(map(term_id, found))
    norm = K1 * (1 - B + B * len(found) / AVERAGE_LENGTH)
    return _vector({term: tf * (K1 + 1) / (tf + norm) for term, tf in counts.items()})


def question_vector(text: str) -> SparseVector:
    """Return the terms of a question with their counts."""
    return _vector({term: float(tf) for term, tf in Counter(map(term_id, words(text))).items()})


def idf(chunks: int, matching: int) -> float:
    """Return the IDF of a term that `matching` of `chunks` contain; never below zero."""
    return float(np.log1p((chunks - matching + 0.5) / (matching + 0.5)))


def _vector(weights: dict[int, float]) -> SparseVector:
    ordered = sorted(weights.items())
    return SparseVector(
        np.array([term for term, _ in ordered], np.int32),
        np.array([weight for _, weight in ordered], np.float32),
    )
