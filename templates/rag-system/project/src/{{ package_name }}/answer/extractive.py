"""Answers made of quoted sentences: nothing can be made up, and no language model is needed."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..guard.injection import trusted_spans
from ..records import Hit
from ..retrieve.query import split_question
from ..text.embed import Embedder
from ..text.sparse import words
from .base import Draft, UsageCallback
from .quotes import readable

_PASSAGES = 4
_MAX_CANDIDATES = 24
"""Sentences to compare with the question; each has to be embedded."""
_MAX_SENTENCES = 3
_MARGIN = 0.9
"""The least score of a further sentence, relative to the best one."""
_DENSE_WEIGHT = 0.6
_RANK_DECAY = 0.95


@dataclass(frozen=True, slots=True)
class _Candidate:
    passage: int
    start: int
    end: int
    text: str
    context: str


class Extractive:
    """Quotes the sentences closest to the question, by embeddings and by shared words.

    Args:
        embedder: Embeds the question and the sentences.
    """

    name = "extractive-1"

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    def draft(self, question: str, passages: Sequence[Hit], _: UsageCallback) -> Iterator[Draft]:
        """Yield the best sentences for each part of the question, in passage order."""
        candidates = list(_candidates(passages))[:_MAX_CANDIDATES]
        if not candidates:
            return
        selected: set[int] = set()
        for scores in self._scores(split_question(question), candidates):
            best = np.argsort(-scores, kind="stable")[:_MAX_SENTENCES].tolist()
            selected |= {each for each in best if scores[each] >= _MARGIN * scores[best[0]]}
        for index in sorted(selected):
            candidate = candidates[index]
            quote = (candidate.passage, candidate.start, candidate.end)
            yield Draft(readable(candidate.text), (candidate.passage,), quote)

    def rewrite(self, question: str, history: str, on_usage: UsageCallback) -> str:  # noqa: ARG002 - of the protocol
        """Return the question unchanged: rules have completed it already."""
        return question

    def decompose(self, question: str, on_usage: UsageCallback) -> list[str]:  # noqa: ARG002 - of the protocol
        """Split a question by rules into the questions that it is made of."""
        return split_question(question)

    def _scores(self, questions: list[str], candidates: list[_Candidate]) -> NDArray[np.float64]:
        """Score each candidate against each question; shape (questions, candidates)."""
        texts = [
            f"{each.context}: {each.text}" if each.context else each.text for each in candidates
        ]
        vectors = self._embedder.embed([*questions, *map(readable, texts)])
        similarity = vectors[: len(questions)] @ vectors[len(questions) :].T
        coverage = np.array([_coverage(question, texts) for question in questions])
        first = candidates[0].passage
        decay = np.array([_RANK_DECAY ** (each.passage - first) for each in candidates])
        combined = _DENSE_WEIGHT * similarity + (1 - _DENSE_WEIGHT) * coverage
        scores: NDArray[np.float64] = combined * decay
        return scores


def _candidates(passages: Sequence[Hit]) -> Iterator[_Candidate]:
    """Yield the trusted sentences of the passages, each once."""
    seen: set[tuple[str, int]] = set()
    for index, hit in enumerate(passages[:_PASSAGES]):
        chunk = hit.chunk
        context = chunk.heading.rpartition(" > ")[2]
        for relative_start, relative_end in trusted_spans(chunk.text):
            start = chunk.start + relative_start
            text = chunk.text[relative_start:relative_end]
            if (chunk.document, start) in seen or not words(text):
                continue
            seen.add((chunk.document, start))
            yield _Candidate(index, start, chunk.start + relative_end, text, context)


def _coverage(question: str, texts: Sequence[str]) -> NDArray[np.float64]:
    """Return the share of the question's words in each text, weighted by IDF; shape (texts,)."""
    asked = set(words(question))
    shared = [asked & set(words(text)) for text in texts]
    counts = Counter(word for each in shared for word in each)
    weights = {word: math.log1p(len(texts) / (1 + counts[word])) for word in asked}
    total = sum(weights.values()) or 1.0
    return np.array([sum(weights[word] for word in each) / total for each in shared])
