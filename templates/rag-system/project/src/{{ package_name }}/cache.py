"""Answers that have been given, to be given again to those who may see the same."""

import re
from collections import OrderedDict
from dataclasses import dataclass, replace
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from .records import Answer, Scope
from .text.sparse import words

_TELLING = re.compile(r"\d|^(?:not|no|never|without)$")


@dataclass(frozen=True, slots=True)
class Shelf:
    """What answers must have in common to be shared at all.

    Attributes:
        scope: What the asker may see and has narrowed the search to.
        generation: Of the index: another one may hold another answer.
        answerer: Who wrote it.
    """

    scope: Scope
    generation: str
    answerer: str


@dataclass(frozen=True, slots=True)
class _Kept:
    vector: NDArray[np.float32]
    telling: frozenset[str]
    answer: Answer


class AnswerCache:
    """Keeps the most recently used answers, in this process.

    A question gets an answer that was given to the same question (`exact`), or to one that means
    the same (`semantic`): their vectors are close, and they agree in all numbers and negations,
    which vectors hardly tell apart.

    Args:
        entries: Most answers to keep; 0 for none.
        similarity: Least cosine of the vectors.
    """

    def __init__(self, entries: int, similarity: float) -> None:
        self._entries = entries
        self._similarity = similarity
        self._kept: OrderedDict[tuple[Shelf, str], _Kept] = OrderedDict()
        self._lock = Lock()

    def get(self, shelf: Shelf, question: str, vector: NDArray[np.float32]) -> Answer | None:
        """An answer for the question, if there is one on the shelf."""
        key = shelf, normal(question)
        with self._lock:
            if kept := self._kept.get(key):
                self._kept.move_to_end(key)
                return replace(kept.answer, cached="exact")
            near = self._nearest(shelf, telling(question), vector)
            if near:
                self._kept.move_to_end(near)
                return replace(self._kept[near].answer, cached="semantic")
        return None

    def put(self, shelf: Shelf, question: str, vector: NDArray[np.float32], answer: Answer) -> None:
        """Keep an answer; the one that was used longest ago goes."""
        with self._lock:
            self._kept[shelf, normal(question)] = _Kept(vector, telling(question), answer)
            while len(self._kept) > self._entries:
                self._kept.popitem(last=False)

    def _nearest(
        self, shelf: Shelf, marks: frozenset[str], vector: NDArray[np.float32]
    ) -> tuple[Shelf, str] | None:
        same = [
            (key, kept)
            for key, kept in self._kept.items()
            if key[0] == shelf and kept.telling == marks
        ]
        if not same:
            return None
        scores = np.array([kept.vector for _, kept in same]) @ vector
        best = int(scores.argmax())
        return same[best][0] if scores[best] >= self._similarity else None


def normal(question: str) -> str:
    """A question without what makes no difference: case, spaces, marks at the end."""
    return " ".join(question.casefold().split()).rstrip(" ?!.")


def telling(question: str) -> frozenset[str]:
    """Words that turn a question into another one, though it stays alike: numbers, codes, not."""
    every = [*words(question), *question.casefold().split()]
    return frozenset(word.strip("?!.,;:") for word in every if _TELLING.search(word))
