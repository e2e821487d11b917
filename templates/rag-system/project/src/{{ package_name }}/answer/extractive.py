"""Answers with the sentences themselves: nothing can be made up, and no model is needed."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..guard.injection import trusted
from ..records import Hit
from ..retrieve.query import parts
from ..text.embed import Embedder
from ..text.sparse import words
from .base import Draft, Spend
from .quotes import readable

_PASSAGES = 4
_SENTENCES = 24
"""As many are compared with the question; each is embedded."""
_MOST = 3
_MARGIN = 0.9
"""A further sentence must be this good, compared with the best one."""
_BY_MEANING = 0.6
_RANK_DECAY = 0.95


@dataclass(frozen=True, slots=True)
class _Candidate:
    passage: int
    start: int
    end: int
    text: str
    context: str


class Extractive:
    """Quotes the sentences that are nearest to the question, by meaning and by word.

    Args:
        embedder: Compares sentences with the question.
    """

    name = "extractive-1"

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    def draft(self, question: str, passages: Sequence[Hit], _: Spend) -> Iterator[Draft]:
        """The best sentences on each part, in the order in which they stand in the passages."""
        candidates = list(_candidates(passages))[:_SENTENCES]
        if not candidates:
            return
        chosen: set[int] = set()
        for scores in self._scores(parts(question), candidates):
            best = np.argsort(-scores, kind="stable")[:_MOST].tolist()
            chosen |= {each for each in best if scores[each] >= _MARGIN * scores[best[0]]}
        for index in sorted(chosen):
            found = candidates[index]
            yield Draft(
                readable(found.text), (found.passage,), (found.passage, found.start, found.end)
            )

    def rewrite(self, question: str, history: str, spend: Spend) -> str:  # noqa: ARG002 - of the protocol
        """The question as it is: it has been completed by rule already."""
        return question

    def parts(self, question: str, spend: Spend) -> list[str]:  # noqa: ARG002 - of the protocol
        """The questions that stand side by side in a question, told by rule."""
        return parts(question)

    def _scores(self, asked: list[str], candidates: list[_Candidate]) -> NDArray[np.float64]:
        """How well each sentence answers each question; shape (questions, candidates)."""
        texts = [
            f"{each.context}: {each.text}" if each.context else each.text for each in candidates
        ]
        vectors = self._embedder.embed([*asked, *map(readable, texts)])
        meaning = vectors[: len(asked)] @ vectors[len(asked) :].T
        word = np.array([_coverage(question, texts) for question in asked])
        first = candidates[0].passage
        decay = np.array([_RANK_DECAY ** (each.passage - first) for each in candidates])
        scores: NDArray[np.float64] = (_BY_MEANING * meaning + (1 - _BY_MEANING) * word) * decay
        return scores


def _candidates(passages: Sequence[Hit]) -> Iterator[_Candidate]:
    """The sentences of the passages; each once, and none that gives orders."""
    seen: set[tuple[str, int]] = set()
    for index, hit in enumerate(passages[:_PASSAGES]):
        chunk = hit.chunk
        context = chunk.heading.rpartition(" > ")[2]
        for begin, end in trusted(chunk.text):
            start = chunk.start + begin
            text = chunk.text[begin:end]
            if (chunk.document, start) in seen or not words(text):
                continue
            seen.add((chunk.document, start))
            yield _Candidate(index, start, chunk.start + end, text, context)


def _coverage(question: str, texts: Sequence[str]) -> NDArray[np.float64]:
    """Share of the question's words in each text, rare ones counting for more; shape (texts,)."""
    asked = set(words(question))
    held = [asked & set(words(text)) for text in texts]
    counts = Counter(word for each in held for word in each)
    weight = {word: math.log1p(len(texts) / (1 + counts[word])) for word in asked}
    total = sum(weight.values()) or 1.0
    return np.array([sum(weight[word] for word in each) / total for each in held])
