"""What an upgrade is made of: verdicts, changes, the inputs of the merge, the plan."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from mlops_scaffold.git.index import Index
    from mlops_scaffold.git.objects import Entry

    Entries = Mapping[str, Entry]  # path within the work tree -> entry


class Verdict(StrEnum):
    """What becomes of a file."""

    UPDATED = "updated"  # not edited: exactly the new template's
    ADDED = "added"
    REMOVED = "removed"
    MERGED = "merged"  # edits of both sides are in it
    CONFLICT = "conflict"
    KEPT = "kept"  # the owner's stays, though the template has another
    KEPT_DELETED = "kept deleted"
    SKIPPED = "skipped"  # left alone, as its owner or the template asks


@dataclass(frozen=True, order=True)
class Change:
    """One line of the report: a path of the project and its verdict."""

    path: str
    verdict: Verdict
    was: str = ""  # its name before, if it was renamed
    note: str = ""


@dataclass(frozen=True)
class MergeInputs:
    """The three trees that git will merge; paths within the work tree."""

    base: Entries  # the recorded version, as rendered
    new: Entries  # the wanted version, as rendered
    ours: Entries  # what the owner committed
    renamed: Mapping[str, str] = field(default_factory=dict)  # the template's name -> the owner's
    moved: Mapping[str, str] = field(default_factory=dict)  # the template's old name -> its new one
    notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # path -> what to report

    def without(self, *, base: Collection[str] = (), new: Collection[str] = ()) -> Self:
        """These inputs less some paths of the template's two sides."""
        return replace(
            self,
            base={path: entry for path, entry in self.base.items() if path not in base},
            new={path: entry for path, entry in self.new.items() if path not in new},
        )

    def noted(self, path: str, *texts: str) -> Self:
        """These inputs with more to report of a path."""
        return replace(self, notes={**self.notes, path: (*self.notes.get(path, ()), *texts)})


@dataclass(frozen=True)
class Record:
    """The answers file and what it will say once no conflict is left."""

    path: str  # within the work tree
    text: bytes
    entry: Entry  # the text as git stores it
    source: Path  # a file with the text


@dataclass(frozen=True)
class Plan:
    """What an upgrade will do. Paths are within the work tree; those of `changes`, the project."""

    changes: tuple[Change, ...]
    stages: Mapping[str, Mapping[int, Entry]]  # the index: path -> stage -> entry; {} removes
    files: Mapping[str, Entry | None]  # the work tree, tracked part; None removes
    copies: Mapping[str, Path | None]  # the untracked part: the file to copy there; None removes
    conflicts: tuple[str, ...]
    index: Index  # as it is
    record: Record
    before: str  # trees in the scratch store, for showing the difference
    after: str

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.stages or self.files or self.copies)
