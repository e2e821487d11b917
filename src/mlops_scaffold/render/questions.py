"""Answer a question: from what was given, what was recorded, a person, or its default.

Copier presents the question. Whether an answer fits is decided here, and every replaced answer is
reported.
"""

from __future__ import annotations

import os
import re
import unicodedata
from typing import TYPE_CHECKING, Any

from copier._types import MISSING
from prompt_toolkit import print_formatted_text
from prompt_toolkit.application import create_app_session
from prompt_toolkit.output import create_output
from questionary import unsafe_prompt

from mlops_scaffold.catalog import answer_types
from mlops_scaffold.catalog.answer_types import MisfitError
from mlops_scaffold.errors import UsageError
from mlops_scaffold.render import names
from mlops_scaffold.render.job import ReplacedAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from copier._user_data import Question

    from mlops_scaffold.render.job import RenderJob

_COPIER_REFUSAL = re.compile(
    r"(?:Validation error for question|Invalid choice for) '[^']+': (?P<reason>.*)", re.DOTALL
)


class Answering:
    """Answers the questions of one render, in their order."""

    def __init__(self, given: Mapping[str, Any], job: RenderJob, *, prefix: str) -> None:
        self.job = job
        self.replaced: list[ReplacedAnswer] = []
        self._given = given
        self._prefix = prefix

    def answer(self, question: Question, *, required: bool = True) -> Any:
        """The answer to a question that applies, or MISSING.

        Raises:
            UsageError: What was given does not fit, or there is no answer at all.
            KeyboardInterrupt: The person interrupted the program instead of answering.
        """
        key = question.var_name
        if key in self._given:
            try:
                return fit(question, self._given[key])
            except MisfitError as misfit:
                raise UsageError(f"{key}: {misfit.reason}", hint=misfit.hint) from None
        reason = ""
        if key in question.answers.last:
            try:
                return fit(question, question.answers.last[key], recorded=True)
            except MisfitError as misfit:
                reason = misfit.reason
                was = question.answers.last.pop(key)
                self.replaced.append(ReplacedAnswer(key, was, reason))
        if not _asked(question):
            return question.get_default()
        if self.job.ask:
            return self._prompt(question, reason)
        return self._default(question, required=required)

    def skip(self, question: Question) -> Any:
        """The value of a question that does not apply, or MISSING.

        Raises:
            UsageError: It was given one.
        """
        key = question.var_name
        if key in self._given:
            raise UsageError(f"{key!r} is not asked with these answers; it can't be set")
        question.answers.hide(key)
        question.answers.last.pop(key, None)
        return question.get_default()

    def _default(self, question: Question, *, required: bool) -> Any:
        key = question.var_name
        try:
            default = question.get_default()
            if not required and default is not MISSING:  # for its author: Copier guesses here, too
                fit(question, question.render_value(question.default), recorded=True)
        except ValueError as error:
            problem = f"{key}: its default does not fit: {_reason(error)}"
            raise UsageError(problem, hint=self._how_to_give(key)) from None
        if default is MISSING and required:
            raise UsageError(
                f"{key} has no default, so it needs an answer", hint=self._how_to_give(key)
            )
        return default

    def _how_to_give(self, key: str) -> str:
        return f"give one: -d {key.removeprefix(self._prefix)}=VALUE"

    def _prompt(self, question: Question, reason: str) -> Any:
        """Ask a person.

        Args:
            question: The question.
            reason: Why the answer so far does not fit, or "".
        """
        try:
            question.get_default()
        except ValueError:  # with an unfit default, Copier would fail instead of asking
            question.default = MISSING
        key = question.var_name
        posed = question.get_questionary_structure()
        posed["qmark"] = question.qmark or "?"
        if reason:
            posed["message"] = f"{key}: {reason}\n  {posed['message']}"
        if self.job.named and key == "project_name" and "validate" in posed:
            posed["validate"] = self._with_naming_rules(posed["validate"])
        # Where stdout is piped away, stderr may still be the terminal.
        with create_app_session(output=create_output(always_prefer_tty=True)):
            try:
                answers: dict[str, Any] = unsafe_prompt([posed])
            except EOFError:
                raise KeyboardInterrupt from None
        return answers[key]

    def _with_naming_rules(
        self, validate: Callable[[str], str | bool]
    ) -> Callable[[str], str | bool]:
        def check(name: str) -> str | bool:
            said = validate(name)
            return name_problem(name, self.job.parent) or True if said is True else said

        return check


def fit(question: Question, value: Any, *, recorded: bool = False) -> Any:
    """The value as an answer to the question.

    Args:
        question: The question.
        value: What was given, or recorded.
        recorded: It comes from an answers file.

    Raises:
        MisfitError: It does not fit its type, its choices or its validator.
    """
    type_name = question.get_type_name()
    parse = answer_types.parse_recorded if recorded else answer_types.parse
    choices = question._formatted_choices  # noqa: SLF001  # rendered, which nothing public gives
    values = [question.cast_answer(choice.value) for choice in choices]
    unavailable = {
        index: choice.disabled for index, choice in enumerate(choices) if choice.disabled
    }
    listed = answer_types.split_list(value, values) if question.multiselect else [value]
    parsed = [parse(item, type_name) for item in listed]
    if values:
        for item in parsed:
            answer_types.check_choice(item, values)
            if all(index in unavailable for index, each in enumerate(values) if each == item):
                raise MisfitError(f"{answer_types.shown(item)}: {unavailable[values.index(item)]}")
    answer = parsed[0] if not question.multiselect else parsed
    if question.multiselect and values:
        answer = [each for each in values if each in parsed]  # in the order of the choices
    try:
        question.validate_answer(answer)
    except ValueError as error:
        raise MisfitError(_reason(error)) from None
    return answer


def name_problem(name: str, parent: Path | None) -> str:
    """Why a project can't have this name, or "".

    Args:
        name: The name.
        parent: The folder in which the project's own would be made, if the name decides that.
    """
    try:
        names.check_project_name(name)
    except UsageError as error:
        return error.message.partition(" can't name a project: ")[
            2
        ]  # the name itself is on the screen
    if parent is not None and _taken(parent / name):
        return "a folder of this name exists already and is not empty"
    return ""


def show(text: str) -> None:
    """Show a text among the questions."""
    print_formatted_text(text, output=create_output(always_prefer_tty=True))


def printable(text: str) -> str:
    """A template's text without control characters, fit for a terminal."""
    kept = (c for c in text if c in "\n\t" or unicodedata.category(c)[0] != "C")
    return "".join(kept).strip()


def _taken(folder: Path) -> bool:
    if not os.path.lexists(folder):
        return False
    return folder.is_symlink() or not folder.is_dir() or any(folder.iterdir())


def _asked(question: Question) -> bool:
    """Whether people are asked at all: since Copier 9.18 a template can say `ask: false`."""
    get_ask = getattr(question, "get_ask", None)
    return get_ask is None or bool(get_ask())


def _reason(error: ValueError) -> str:
    match = _COPIER_REFUSAL.fullmatch(str(error))
    return match["reason"].strip() if match else str(error)
