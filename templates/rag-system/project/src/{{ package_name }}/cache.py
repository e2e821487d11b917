"""Answers kept for reuse, shared only among callers who may see the same documents."""

import re
from collections import OrderedDict
from dataclasses import dataclass, replace
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from .records import Answer, Scope
from .text.sparse import words

_DISTINGUISHING = re.compile(r"\d|^(?:not|no|never|without)$")


@dataclass(frozen=True, slots=True)
class CachePartition:
    """The part of the cache whose answers may be reused for each other's questions.

    Attributes:
        scope: What the caller may see, and the filters on the search.
        generation: The index generation; after a change of the index, answers may differ.
        answerer: Who wrote the answer.
    """

    scope: Scope
    generation: str
    answerer: str


@dataclass(frozen=True, slots=True)
class _CachedAnswer:
    vector: NDArray[np.float32]
    distinguishing: frozenset[str]
    answer: Answer


class AnswerCache:
    """An in-memory LRU cache of answers.

    A question gets the answer to the same question (`exact`), or to one with the same meaning
    (`semantic`): their embeddings are close, and they contain the same numbers and negations,
    which embeddings hardly distinguish.

    Args:
        max_entries: The number of answers to keep; 0 turns the cache off.
        similarity: The lowest cosine similarity at which two questions share an answer.
    """

    def __init__(self, max_entries: int, similarity: float) -> None:
        self._max_entries = max_entries
        self._similarity = similarity
        self._answers: OrderedDict[tuple[CachePartition, str], _CachedAnswer] = OrderedDict()
        self._lock = Lock()

    def get(
        self, partition: CachePartition, question: str, vector: NDArray[np.float32]
    ) -> Answer | None:
        """Return a cached answer to the question, or None."""
        key = partition, normalise_question(question)
        with self._lock:
            if cached := self._answers.get(key):
                self._answers.move_to_end(key)
                return replace(cached.answer, cached="exact")
            nearest = self._nearest(partition, distinguishing_words(question), vector)
            if nearest:
                self._answers.move_to_end(nearest)
                return replace(self._answers[nearest].answer, cached="semantic")
        return None

    def put(
        self,
        partition: CachePartition,
        question: str,
        vector: NDArray[np.float32],
        answer: Answer,
    ) -> None:
        """Cache an answer, and evict the least recently used one if the cache is full."""
        cached = _CachedAnswer(vector, distinguishing_words(question), answer)
        with self._lock:
            self._answers[partition, normalise_question(question)] = cached
            while len(self._answers) > self._max_entries:
                self._answers.popitem(last=False)

    def _nearest(
        self, partition: CachePartition, distinguishing: frozenset[str], vector: NDArray[np.float32]
    ) -> tuple[CachePartition, str] | None:
        candidates = [
            (key, cached)
            for key, cached in self._answers.items()
            if key[0] == partition and cached.distinguishing == distinguishing
        ]
        if not candidates:
            return None
        scores = np.array([cached.vector for _, cached in candidates]) @ vector
        best = int(scores.argmax())
        return candidates[best][0] if scores[best] >= self._similarity else None


def normalise_question(question: str) -> str:
    """Normalise case, spaces and final punctuation, which don't change what is asked."""
    return " ".join(question.casefold().split()).rstrip(" ?!.")


def distinguishing_words(question: str) -> frozenset[str]:
    """Return the words that change what is asked but hardly the embedding: numbers, codes, not."""
    candidates = [*words(question), *question.casefold().split()]
    return frozenset(word.strip("?!.,;:") for word in candidates if _DISTINGUISHING.search(word))
