"""The errors that people read, and their exit codes."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class ExitCode(IntEnum):
    """Exit codes of the command line, documented in the README."""

    OK = 0
    ERROR = 1
    USAGE = 2
    CONFLICTS = 3
    UPDATE_AVAILABLE = 4


class ScaffoldError(Exception):
    """An error that a person can fix.

    Args:
        message: What is wrong, and where.
        hint: What to do next; a command to type where there is one.
    """

    exit_code = ExitCode.ERROR

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(ScaffoldError):
    """A mistake in the call: an unknown project, key, choice or option value."""

    exit_code = ExitCode.USAGE


class ConflictsLeftError(ScaffoldError):
    """Conflicts of an upgrade are not resolved yet."""

    exit_code = ExitCode.CONFLICTS


def did_you_mean(typed: str, known: Iterable[str]) -> str:
    """A hint with the known words most similar to what was typed, or "" if there are none."""
    from difflib import get_close_matches  # noqa: PLC0415  # only mistakes need it

    matches = get_close_matches(typed.casefold(), list(known), n=3, cutoff=0.5)
    return f"did you mean {' or '.join(matches)}?" if matches else ""
