"""BM25 as sparse vectors, so that every store can search by word in the same way.

A score is the sum over the terms of a question of `idf * tf * (k1 + 1) / (tf + k1 * (1 - b + b *
length / average))` (Robertson and Zaragoza, 2009). The second factor depends on the chunk alone,
given a fixed average length, and is what a chunk's vector holds; the first depends on all chunks
that the asker may see and is left to the store. So a document is indexed in the same way whatever
else is there, and taking another in changes none.
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
AVERAGE = 80
"""Terms of a typical chunk."""

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
    """The words that carry meaning, in lower case, stemmed, in order."""
    return [stem(word) for word in _WORD.findall(text.lower()) if word not in STOP_WORDS]


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """A word without its ending (Porter's second English stemmer)."""
    found: str = _stemmer().stemWord(word)
    return found


@cache
def _stemmer() -> Any:
    import snowballstemmer  # noqa: PLC0415 - heavy

    return snowballstemmer.stemmer("english")


@lru_cache(maxsize=100_000)
def term_id(word: str) -> int:
    """A number of 31 bits; two words of a corpus get the same one so seldom as not to matter."""
    return int.from_bytes(blake2b(word.encode(), digest_size=4).digest(), "big") >> 1


def of_chunk(text: str) -> SparseVector:
    """The weights of a chunk's terms."""
    found = words(text)
    counts = Counter(map(term_id, found))
    norm = K1 * (1 - B + B * len(found) / AVERAGE)
    return _vector({term: tf * (K1 + 1) / (tf + norm) for term, tf in counts.items()})


def of_question(text: str) -> SparseVector:
    """The terms of a question, each with how often it stands there."""
    return _vector({term: float(tf) for term, tf in Counter(map(term_id, words(text))).items()})


def idf(chunks: int, holding: int) -> float:
    """How telling a term is that `holding` of `chunks` contain; never below zero."""
    return float(np.log1p((chunks - holding + 0.5) / (holding + 0.5)))


def _vector(weights: dict[int, float]) -> SparseVector:
    ordered = sorted(weights.items())
    return SparseVector(
        np.array([term for term, _ in ordered], np.int32),
        np.array([weight for _, weight in ordered], np.float32),
    )
