"""A language model as a judge of answers, and how far it can be trusted."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .. import prompts
from .answers import Judged
from .statistics import kappa

_OBJECT = re.compile(r"\{[^{}]*\}")

SCHEMA = {
    "type": "object",
    "properties": {"correct": {"type": "boolean"}, "faithful": {"type": "boolean"}},
    "required": ["correct", "faithful"],
    "additionalProperties": False,
}
"""What a verdict looks like; servers that know JSON schemas hold the model to it."""

Complete = Callable[[str], str]
"""What a language model says to a prompt."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What the judge said.

    Attributes:
        correct: Share of answers that it takes for right.
        faithful: Share of answers that it takes for borne out.
        agreement: Cohen's kappa between it and the labels, on whether answers are right.
        judged: How many answers it judged.
        unreadable: How many of its replies were no verdict.
    """

    correct: float
    faithful: float
    agreement: float
    judged: int
    unreadable: int


def ask_judge(every: Sequence[Judged], complete: Complete) -> Verdicts:
    """Let a language model judge the answers to answerable questions."""
    given = [
        each for each in every if each.question.answerable and each.answer.outcome == "answered"
    ]
    said: list[tuple[Judged, bool, bool]] = []
    for each in given:
        prompt = prompts.JUDGE.format(
            question=each.question.question,
            expected=" / ".join(source.quote for source in each.question.sources),
            answer=each.answer.text,
        )
        if verdict := read_verdict(complete(prompt)):
            said.append((each, *verdict))
    if not said:
        nothing = float("nan")
        return Verdicts(nothing, nothing, nothing, 0, len(given))
    correct = [right for _, right, _ in said]
    return Verdicts(
        correct=sum(correct) / len(said),
        faithful=sum(faithful for _, _, faithful in said) / len(said),
        agreement=kappa(correct, [each.exact for each, _, _ in said]),
        judged=len(said),
        unreadable=len(given) - len(said),
    )


def read_verdict(reply: str) -> tuple[bool, bool] | None:
    """`correct` and `faithful` of the first JSON object in a reply that has both."""
    for match in _OBJECT.finditer(reply):
        try:
            found = json.loads(match[0])
        except json.JSONDecodeError:
            continue
        verdict = found.get("correct"), found.get("faithful")
        if all(isinstance(each, bool) for each in verdict):
            return verdict
    return None
