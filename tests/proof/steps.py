"""The steps of the proof, in their order, and what each depends on besides the rendered files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import (
    step_ci,
    step_keep_up,
    step_newest,
    step_read,
    step_render,
    step_run,
    step_ship,
    step_upgrade,
)
from .domain import AnswerSet, Outcome
from .unit import Unit


@dataclass(frozen=True)
class Step:
    """One step.

    Its key covers the rendered files, the answers and the modules that the step imports. The rest
    is stated here.
    """

    prove: Callable[[Unit], Outcome]
    seconds: float  # a generous guess, for when there is no record
    facts: tuple[str, ...] = ()  # what it reads of proof.yml
    questions: bool = False  # the template's questions
    check: bool = False  # the end-to-end check
    upgrades: bool = False  # the released history, and the program that upgrades
    every_set: bool = True  # not only with the default answers, unless the proof is deep


STEPS: dict[str, Step] = {
    "render": Step(step_render.prove, 15, facts=("braces",), questions=True),
    "read": Step(step_read.prove, 90),
    "run": Step(step_run.prove, 400, facts=("packages", "skips"), check=True),
    "ci": Step(step_ci.prove, 150, facts=("packages",)),
    "newest": Step(step_newest.prove, 300, facts=("packages", "skips"), every_set=False),
    "ship": Step(step_ship.prove, 240, facts=("image",), check=True),
    "keep-up": Step(step_keep_up.prove, 10),
    "upgrade": Step(step_upgrade.prove, 180, facts=("packages",), upgrades=True),
}
SETUP_SECONDS = 90.0  # a guess, as above, for the set-up that all but `render` share


def steps_of(answers: AnswerSet, *, deep: bool) -> list[str]:
    """The steps that an answer set is proved with."""
    usual = not answers.answers
    return [name for name, step in STEPS.items() if usual or deep or step.every_set]
