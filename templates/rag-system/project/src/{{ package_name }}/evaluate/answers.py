"""Measures answers: right, with the right sources, and silent where there is nothing to say."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..answer.graph import Ask, Assistant
from ..answer.grounding import BORNE_OUT, support
from ..answer.quotes import readable
from ..index.base import Store
from ..records import Answer
from ..text.sparse import words
from .questions import Gold, Question, golds

EXACT = 0.8
"""Share of the expected words that an answer must hold to count as right."""


@dataclass(frozen=True, slots=True)
class Judged:
    """An answer, compared with what was expected.

    Attributes:
        question: What was asked.
        answer: What came.
        exact: It says what was expected; of answerable questions only.
        citations: How many sources it names.
        right_citations: How many of them hold what was expected.
        real_citations: How many quotes stand in their document where they are said to.
        sentences: How many sentences it has.
        faithful: How many of them their sources bear out.
        dropped: How many more were written, but not shown, as no source bears them out.
    """

    question: Question
    answer: Answer
    exact: bool
    citations: int
    right_citations: int
    real_citations: int
    sentences: int
    faithful: int
    dropped: int


def ask_all(questions: Sequence[Question], assistant: Assistant, store: Store) -> list[Judged]:
    """Ask each question and judge the answer.

    Raises:
        UserError: The answer to a question is not where it is said to be.
        ModelError: The language model did not answer.
    """
    return [
        judged(each, golds(each, store), assistant.answer(Ask(each.question, each.scope)), store)
        for each in questions
    ]


def judged(question: Question, expected: Sequence[Gold], answer: Answer, store: Store) -> Judged:
    """Compare an answer with what was expected."""
    cited = answer.citations if answer.outcome == "answered" else ()
    texts = {each.document: store.document(each.document, question.scope) for each in cited}
    real = [
        each
        for each in cited
        if (document := texts[each.document]) and document.text[each.start : each.end] == each.quote
    ]
    right = [
        each
        for each in cited
        if any(_touches(gold, each.document, each.start, each.end) for gold in expected)
    ]
    said = answer.sentences if answer.outcome == "answered" else ()
    quotes = {each.number: readable(each.quote) for each in cited}
    faithful = [
        each
        for each in said
        if any(support(each.text, quotes[number]) >= BORNE_OUT for number in each.citations)
    ]
    return Judged(
        question,
        answer,
        _says(answer, question),
        len(cited),
        len(right),
        len(real),
        len(said),
        len(faithful),
        len(answer.dropped),
    )


def _says(answer: Answer, question: Question) -> bool:
    """Whether the answer holds nearly all words of one of the quotes that were expected."""
    if answer.outcome != "answered":
        return False
    said = set(words(answer.text))
    expected = [set(words(readable(each.quote))) for each in question.sources]
    return any(len(each & said) >= EXACT * len(each) for each in expected)


def _touches(gold: Gold, document: str, start: int, end: int) -> bool:
    return document == gold.document and start < gold.end and gold.start < end
