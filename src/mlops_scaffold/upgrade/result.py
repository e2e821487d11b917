"""What is asked of an upgrade, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from packaging.version import Version

from mlops_scaffold.answers import FILE_NAME
from mlops_scaffold.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlops_scaffold.errors import ScaffoldError
    from mlops_scaffold.upgrade.answer_changes import AnswerChange
    from mlops_scaffold.upgrade.model import Change


class Outcome(StrEnum):
    """How an upgrade ended."""

    UP_TO_DATE = "up to date"
    PREVIEW = "preview"
    STAGED = "staged"
    COMMITTED = "committed"
    CONFLICTS = "conflicts"
    ABORTED = "aborted"
    FAILED = "failed"


@dataclass(frozen=True)
class UpgradeRequest:
    """What is asked of an upgrade."""

    to: str = ""  # a version; the newest if empty
    catalog: str = ""  # where the catalog is now, if it moved
    answers: Mapping[str, Any] = field(default_factory=dict)
    ask: bool = False
    accept_defaults: bool = False  # also in the place of answers that no longer fit
    dry_run: bool = False
    diff: bool = False
    colour: bool = False  # of the diff
    commit: bool = False
    branch: str = ""
    skip: tuple[str, ...] = ()  # files to leave alone from now on, as in .gitignore
    unskip: tuple[str, ...] = ()
    answers_file: str = FILE_NAME


@dataclass(frozen=True)
class UpgradeResult:
    """What an upgrade did, or would do."""

    project: Path
    outcome: Outcome
    old: str = ""
    new: str = ""
    changes: tuple[Change, ...] = ()
    conflicts: tuple[str, ...] = ()  # paths of the project
    changelog: str = ""
    diff: bytes = b""
    commit: str = ""
    answers: tuple[AnswerChange, ...] = ()
    messages: tuple[str, ...] = ()  # what the template has to say
    rescued: Mapping[str, str] = field(default_factory=dict)  # path -> git blob
    notes: tuple[str, ...] = ()
    error: ScaffoldError | None = None

    @property
    def exit_code(self) -> ExitCode:
        """What the command line ends with."""
        if self.error:
            return self.error.exit_code
        return ExitCode.CONFLICTS if self.conflicts else ExitCode.OK


def goes_back(old: str, new: str) -> bool:
    """Whether an upgrade leads to an older version."""
    return Version(new) < Version(old)


def commit_message(old: str, new: str) -> str:
    """The subject of the commit that holds an upgrade."""
    if old == new:
        return f"Change the answers of the template {new}"
    if goes_back(old, new):
        return f"Take the template back from {old} to {new}"
    return f"Upgrade the template from {old} to {new}"
