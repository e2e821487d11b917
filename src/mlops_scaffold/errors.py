"""The one family of errors that people are meant to read, and the exit codes they end with."""

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
    """Something a person can put right.

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
    """The call itself is wrong: an unknown project, key, choice or option value."""

    exit_code = ExitCode.USAGE


class ConflictsLeftError(ScaffoldError):
    """An upgrade needs a person: conflicts are left in the tree."""

    exit_code = ExitCode.CONFLICTS


def did_you_mean(typed: str, known: Iterable[str]) -> str:
    """A hint that names the known words nearest to what was typed, or "" if none is near."""
    from difflib import get_close_matches  # noqa: PLC0415  # only mistakes pay for it

    matches = get_close_matches(typed.casefold(), list(known), n=3, cutoff=0.5)
    return f"did you mean {' or '.join(matches)}?" if matches else ""
