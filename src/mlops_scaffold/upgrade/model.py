"""What an upgrade is made of: verdicts, changes, the plan."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlops_scaffold.git.objects import Entry


class Verdict(StrEnum):
    """What becomes of a file."""

    UPDATED = "updated"  # not edited: exactly the new template's
    ADDED = "added"
    REMOVED = "removed"
    MERGED = "merged"  # edits of both sides are in it
    CONFLICT = "conflict"
    KEPT = "kept"  # the owner's stays, though the template has another
    KEPT_DELETED = "kept deleted"


@dataclass(frozen=True, order=True)
class Change:
    """One line of the report: a path of the project and its verdict."""

    path: str
    verdict: Verdict
    was: str = ""  # its name before, if it was renamed
    note: str = ""


@dataclass(frozen=True)
class Plan:
    """What an upgrade will do. Paths are within the work tree; those of `changes`, the project."""

    changes: tuple[Change, ...]
    stages: Mapping[str, Mapping[int, Entry]]  # the index: path -> stage -> entry; {} removes
    files: Mapping[str, Entry | None]  # the work tree, tracked part; None removes
    loose: Mapping[str, Path | None]  # the work tree, untracked part: what to copy; None removes
    conflicts: tuple[str, ...]
    tracked: Mapping[str, Entry]  # the index as it is
    record: str  # path of the answers file
    record_text: bytes  # what it will say once no conflict is left
    before: str  # trees in the scratch store, for showing the difference
    after: str

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.stages or self.files or self.loose)


@dataclass
class MergeInputs:
    """The three trees on their way to git; paths within the work tree."""

    base: dict[str, Entry]
    new: dict[str, Entry]
    ours: dict[str, Entry]
    renamed: dict[str, str] = field(default_factory=dict)  # the template's name -> the owner's
    moved: dict[str, str] = field(default_factory=dict)  # the template's old name -> its new one
    notes: dict[str, list[str]] = field(default_factory=dict)  # path -> what to know of it

    def note(self, path: str, *texts: str) -> None:
        """Add to what is reported of a path."""
        self.notes.setdefault(path, []).extend(texts)
