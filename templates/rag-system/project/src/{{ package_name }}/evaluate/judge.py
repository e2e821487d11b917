"""An LLM judge for answers, and a measure of how far it can be trusted."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .. import prompts
from .answers import GradedAnswer
from .statistics import kappa

_OBJECT = re.compile(r"\{[^{}]*\}")

SCHEMA = {
    "type": "object",
    "properties": {"correct": {"type": "boolean"}, "faithful": {"type": "boolean"}},
    "required": ["correct", "faithful"],
    "additionalProperties": False,
}
"""The form of a verdict; servers that support JSON schemas hold the model to it."""

Complete = Callable[[str], str]
"""Sends a prompt to a language model and returns its reply."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The judge's verdicts, summed up.

    Attributes:
        correct: The share of answers judged correct.
        faithful: The share of answers judged faithful to their source.
        agreement: Cohen's kappa between the judge and the labels, on whether answers are correct.
        judged: The number of answers judged.
        unreadable: The number of replies that were not a verdict.
    """

    correct: float
    faithful: float
    agreement: float
    judged: int
    unreadable: int


def run_judge(graded: Sequence[GradedAnswer], complete: Complete) -> Verdicts:
    """Have a language model judge the answers to answerable questions."""
    answered = [
        each for each in graded if each.question.answerable and each.answer.outcome == "answered"
    ]
    verdicts: list[tuple[GradedAnswer, bool, bool]] = []
    for each in answered:
        prompt = prompts.JUDGE.format(
            question=each.question.question,
            expected=" / ".join(source.quote for source in each.question.sources),
            answer=each.answer.text,
        )
        if verdict := read_verdict(complete(prompt)):
            verdicts.append((each, *verdict))
    if not verdicts:
        nan = float("nan")
        return Verdicts(nan, nan, nan, 0, len(answered))
    correct = [judged_correct for _, judged_correct, _ in verdicts]
    return Verdicts(
        correct=sum(correct) / len(verdicts),
        faithful=sum(faithful for _, _, faithful in verdicts) / len(verdicts),
        agreement=kappa(correct, [each.correct for each, _, _ in verdicts]),
        judged=len(verdicts),
        unreadable=len(answered) - len(verdicts),
    )


def read_verdict(reply: str) -> tuple[bool, bool] | None:
    """Return `correct` and `faithful` from the first JSON object in a reply that has both."""
    for match in _OBJECT.finditer(reply):
        try:
            found = json.loads(match[0])
        except json.JSONDecodeError:
            continue
        verdict = found.get("correct"), found.get("faithful")
        if all(isinstance(each, bool) for each in verdict):
            return verdict
    return None
