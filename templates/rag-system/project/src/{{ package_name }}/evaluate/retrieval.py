"""Measures search: how far up do the words stand that answer?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..index.base import Query, Store
from ..records import Found, Hit
from ..retrieve.fuse import fuse
from ..retrieve.search import DEPTH
from ..retrieve.tuned import Fusion
from ..text.embed import Embedder
from ..text.sparse import of_question
from .questions import Gold, Question, golds

CUT = 10
MEASURES = (f"nDCG@{CUT}", f"R@{CUT}", "RR")

Ranker = Callable[["Searched"], Sequence[Hit]]
Scores = dict[str, dict[str, float]]
"""Measure, then question's id, then value."""


@dataclass(frozen=True, slots=True)
class Searched:
    """A question, where its answers stand, and what both halves of a search found."""

    question: Question
    golds: tuple[Gold, ...]
    found: Found


def search_all(questions: Sequence[Question], store: Store, embedder: Embedder) -> list[Searched]:
    """Search for each question once; ways to put the halves together are compared afterwards.

    Raises:
        UserError: The answer to a question is not where it is said to be.
    """
    vectors = embedder.embed([each.question for each in questions])
    return [
        Searched(
            each,
            golds(each, store),
            store.search(Query(vector, of_question(each.question)), each.scope, DEPTH),
        )
        for each, vector in zip(questions, vectors, strict=True)
    ]


def by_fusion(fusion: Fusion) -> Ranker:
    """Ranks by weighted fusion."""
    return lambda searched: fuse(searched.found, fusion)


def judge(every: Sequence[Searched], ranker: Ranker) -> Scores:
    """Measure a ranker, by ir-measures.

    What is ranked are answers, not chunks: of several chunks that hold the same answer the first
    counts, so that chunks that overlap bring no gain.
    """
    import ir_measures  # noqa: PLC0415 - an extra

    answerable = [each for each in every if each.golds]
    truth = {
        each.question.id: {f"gold {index}": 1 for index in range(len(each.golds))}
        for each in answerable
    }
    run = {each.question.id: _ranked(each, ranker(each)[:CUT]) for each in answerable}
    measures = [ir_measures.nDCG @ CUT, ir_measures.R @ CUT, ir_measures.RR]
    scores: Scores = {name: dict.fromkeys(truth, 0.0) for name in MEASURES}
    for metric in ir_measures.iter_calc(measures, truth, run):
        scores[str(metric.measure)][metric.query_id] = metric.value
    return scores


def _ranked(searched: Searched, hits: Sequence[Hit]) -> dict[str, float]:
    """Names of what was found, with scores that fall with the rank."""
    ranked: dict[str, float] = {}
    for rank, hit in enumerate(hits):
        chunk = hit.chunk
        names = [
            f"gold {index}"
            for index, gold in enumerate(searched.golds)
            if gold.within(chunk.document, chunk.start, chunk.end)
        ]
        names = [name for name in names if name not in ranked]
        for name in names or [f"{chunk.document} {chunk.ordinal}"]:
            ranked.setdefault(name, float(CUT - rank))
    return ranked
