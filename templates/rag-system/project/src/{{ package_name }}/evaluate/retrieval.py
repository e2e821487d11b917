"""Measures search: how high do the chunks that contain the answer rank?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..index.base import Query, Store
from ..records import Hit, SearchResults
from ..retrieve.fuse import fuse
from ..retrieve.search import DEPTH
from ..retrieve.tuned import Fusion
from ..text.embed import Embedder
from ..text.sparse import question_vector
from .questions import GoldSpan, Question, gold_spans

CUTOFF = 10
MEASURES = (f"nDCG@{CUTOFF}", f"R@{CUTOFF}", "RR")

Ranker = Callable[["SearchedQuestion"], Sequence[Hit]]
Scores = dict[str, dict[str, float]]
"""Values by measure and question id."""


@dataclass(frozen=True, slots=True)
class SearchedQuestion:
    """A question, where its answers are, and what dense and sparse search found."""

    question: Question
    gold_spans: tuple[GoldSpan, ...]
    results: SearchResults


def search_questions(
    questions: Sequence[Question], store: Store, embedder: Embedder
) -> list[SearchedQuestion]:
    """Search for each question once; different ways of fusion can then be compared on the results.

    Raises:
        UserError: An expected quote is not in its document.
    """
    vectors = embedder.embed([each.question for each in questions])
    return [
        SearchedQuestion(
            each,
            gold_spans(each, store),
            store.search(Query(vector, question_vector(each.question)), each.scope, DEPTH),
        )
        for each, vector in zip(questions, vectors, strict=True)
    ]


def fusion_ranker(fusion: Fusion) -> Ranker:
    """Return a ranker that uses weighted fusion."""
    return lambda searched: fuse(searched.results, fusion)


def measure(searched: Sequence[SearchedQuestion], ranker: Ranker) -> Scores:
    """Measure a ranker with ir-measures.

    Answers are ranked, not chunks: only the first chunk that contains an answer counts, so
    overlapping chunks bring no advantage.
    """
    import ir_measures  # noqa: PLC0415 - an extra

    answerable = [each for each in searched if each.gold_spans]
    qrels = {
        each.question.id: {f"gold {index}": 1 for index in range(len(each.gold_spans))}
        for each in answerable
    }
    run = {each.question.id: _ranked(each, ranker(each)[:CUTOFF]) for each in answerable}
    measures = [ir_measures.nDCG @ CUTOFF, ir_measures.R @ CUTOFF, ir_measures.RR]
    scores: Scores = {name: dict.fromkeys(qrels, 0.0) for name in MEASURES}
    for metric in ir_measures.iter_calc(measures, qrels, run):
        scores[str(metric.measure)][metric.query_id] = metric.value
    return scores


def _ranked(searched: SearchedQuestion, hits: Sequence[Hit]) -> dict[str, float]:
    """Name each result, with scores that decrease with the rank."""
    ranked: dict[str, float] = {}
    for rank, hit in enumerate(hits):
        chunk = hit.chunk
        names = [
            f"gold {index}"
            for index, gold in enumerate(searched.gold_spans)
            if gold.within(chunk.document, chunk.start, chunk.end)
        ]
        names = [name for name in names if name not in ranked]
        for name in names or [f"{chunk.document} {chunk.ordinal}"]:
            ranked.setdefault(name, float(CUTOFF - rank))
    return ranked
