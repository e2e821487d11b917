"""Grades answers: correct, with the right sources, and abstaining where there is no answer."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..answer.graph import AskRequest, Assistant
from ..answer.grounding import MIN_SUPPORT, support
from ..answer.quotes import readable
from ..index.base import Store
from ..records import Answer
from ..text.sparse import words
from .questions import GoldSpan, Question, gold_spans

MIN_COVERAGE = 0.8
"""The share of the expected words that an answer must contain to count as correct."""


@dataclass(frozen=True, slots=True)
class GradedAnswer:
    """An answer, compared with the expected one.

    Attributes:
        question: The question.
        answer: The answer given.
        correct: Whether it says what was expected; for answerable questions only.
        citations: The number of its citations.
        right_citations: How many of them overlap an expected source.
        valid_citations: How many of them quote their document correctly.
        sentences: The number of its sentences.
        faithful: How many of them their sources support.
        dropped: How many sentences were left out because no source supports them.
    """

    question: Question
    answer: Answer
    correct: bool
    citations: int
    right_citations: int
    valid_citations: int
    sentences: int
    faithful: int
    dropped: int


def answer_questions(
    questions: Sequence[Question], assistant: Assistant, store: Store
) -> list[GradedAnswer]:
    """Ask each question and grade the answer.

    Raises:
        UserError: An expected quote is not in its document.
        ModelError: The language model did not answer.
    """
    graded = []
    for question in questions:
        expected = gold_spans(question, store)
        answer = assistant.answer(AskRequest(question.question, question.scope))
        graded.append(grade(question, expected, answer, store))
    return graded


def grade(
    question: Question, expected: Sequence[GoldSpan], answer: Answer, store: Store
) -> GradedAnswer:
    """Compare an answer with the expected one."""
    cited = answer.citations if answer.outcome == "answered" else ()
    texts = {each.document: store.document(each.document, question.scope) for each in cited}
    valid = [
        each
        for each in cited
        if (document := texts[each.document]) and document.text[each.start : each.end] == each.quote
    ]
    right = [
        each
        for each in cited
        if any(_overlaps(gold, each.document, each.start, each.end) for gold in expected)
    ]
    sentences = answer.sentences if answer.outcome == "answered" else ()
    quotes = {each.number: readable(each.quote) for each in cited}
    faithful = [
        each
        for each in sentences
        if any(support(each.text, quotes[number]) >= MIN_SUPPORT for number in each.citations)
    ]
    return GradedAnswer(
        question,
        answer,
        _is_correct(answer, question),
        len(cited),
        len(right),
        len(valid),
        len(sentences),
        len(faithful),
        len(answer.dropped),
    )


def _is_correct(answer: Answer, question: Question) -> bool:
    """Whether the answer contains most words of one of the expected quotes."""
    if answer.outcome != "answered":
        return False
    answered = set(words(answer.text))
    expected = [set(words(readable(source.quote))) for source in question.sources]
    return any(len(quote & answered) >= MIN_COVERAGE * len(quote) for quote in expected)


def _overlaps(gold: GoldSpan, document: str, start: int, end: int) -> bool:
    return document == gold.document and start < gold.end and gold.start < end
