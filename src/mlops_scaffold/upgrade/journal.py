"""The journal of an upgrade, kept in the git folder of the work tree.

It exists from the moment before the first file is touched. While an upgrade is being applied, or
waits for its conflicts to be resolved, the journal holds all that is needed to finish or undo it;
after that it is kept until the next upgrade, so that `upgrade --abort` can undo the last one.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from mlops_scaffold.errors import ScaffoldError
from mlops_scaffold.files.lock import Lock, lock_folder
from mlops_scaffold.git.objects import Entry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlops_scaffold.git.index import Stages
    from mlops_scaffold.git.repo import Repo

_SCHEMA = 2
_OLD_FILES = ("state.json", "undoing.json")  # of schema 1


class Phase(StrEnum):
    """How far an upgrade is; also the name of the journal's file."""

    APPLYING = "applying"
    CONFLICTS = "conflicts"  # waits for a person to resolve them
    DONE = "done"  # nothing is left to do; it can still be undone
    UNDOING = "undoing"


@dataclass(frozen=True)
class Step:
    """One path of the work tree that the upgrade writes or removes."""

    path: str
    writes: bool  # else it removes
    after: str  # SHA-256 of what is written
    before: str  # SHA-256 of what was there; "" if nothing was


@dataclass(frozen=True)
class Journal:
    """All that is needed to finish an upgrade or undo it."""

    old: str  # versions, for people
    new: str
    commit: str  # what was checked out: the commit,
    head: str  # and the full name of its branch, or again the commit
    branch: str  # the branch to create, full name; "" for none
    steps: tuple[Step, ...]
    before: Stages  # the index before, of the paths that are touched
    after: Stages  # and what the upgrade makes of it
    folders: tuple[tuple[str, int], ...]  # those that existed, with their modes
    conflicts: tuple[str, ...]
    record: str  # path of the answers file
    record_text: str

    @property
    def unconflicted(self) -> tuple[str, ...]:
        """Paths of the index that the upgrade changes without a conflict."""
        return tuple(path for path in self.after if path not in self.conflicts)


def folder(repo: Repo) -> Path:
    """The folder of this project's journal: one per work tree and project folder in it."""
    name = hashlib.sha256(os.fsencode(repo.prefix)).hexdigest()[:12]
    return repo.git_dir / "mlops-scaffold" / name


def load(repo: Repo) -> tuple[Phase, Journal] | None:
    """The journal and how far its upgrade is; None if there is none.

    Raises:
        ScaffoldError: It was written by another version of the program, or is damaged.
    """
    place = folder(repo)
    for name in _OLD_FILES:
        if (place / name).exists() and not _is_current(place / name):
            raise _foreign(place / name)
    for phase in Phase:
        file = place / f"{phase}.json"
        with suppress(FileNotFoundError, NotADirectoryError):
            return phase, _parse(file)
    return None


def begin(journal: Journal, place: Path) -> None:
    """Write the journal, in one step, and flush it to the disk."""
    draft = place / "draft.json"
    with draft.open("w", encoding="ascii") as file:
        # ASCII: undecodable bytes of paths survive as surrogates.
        json.dump({"schema": _SCHEMA, **asdict(journal)}, file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(place / f"{Phase.APPLYING}.json")


def advance(repo: Repo, phase: Phase) -> None:
    """Note how far the upgrade is. A rename, as that works on a full disk."""
    place = folder(repo)
    for before in Phase:
        file = place / f"{before}.json"
        if before is not phase and file.exists():
            file.replace(place / f"{phase}.json")


def forget(repo: Repo) -> None:
    """Remove the journal, and what is left of earlier ones."""
    place = folder(repo)
    # In one step: half a journal must never look like one.
    if place.exists():
        place.rename(place.with_suffix(".old"))
    sweep(repo)


def sweep(repo: Repo) -> None:
    """Remove what a killed upgrade left beside the journal."""
    for suffix in (".new", ".old"):
        shutil.rmtree(folder(repo).with_suffix(suffix), ignore_errors=True)
    with suppress(OSError):  # another project of the repository has one, or there never was one
        folder(repo).parent.rmdir()


@contextmanager
def lock(repo: Repo) -> Iterator[None]:
    """Keep other upgrades out of the repository; the lock ends with the process.

    Raises:
        ScaffoldError: Another upgrade holds it.
    """
    with lock_folder(repo.git_dir) as state:
        if state is Lock.BUSY:
            raise ScaffoldError(
                f"another upgrade is running in {repo.top}", hint="wait until it has ended"
            )
        yield


def _parse(file: Path) -> Journal:
    content = file.read_bytes()
    try:
        data = json.loads(content)
        if data.pop("schema") != _SCHEMA:
            raise _foreign(file)
        return Journal(
            **{
                **data,
                "steps": tuple(Step(**step) for step in data["steps"]),
                "folders": tuple((path, mode) for path, mode in data["folders"]),
                "conflicts": tuple(data["conflicts"]),
                "before": _stages(data["before"]),
                "after": _stages(data["after"]),
            }
        )
    except (ValueError, TypeError, KeyError) as error:
        raise ScaffoldError(f"the journal of the unfinished upgrade is damaged: {file}") from error


def _stages(data: dict[str, dict[str, Any]]) -> Stages:
    return {
        path: {int(stage): Entry(*entry) for stage, entry in entries.items()}
        for path, entries in data.items()
    }


def _is_current(file: Path) -> bool:
    try:
        return bool(json.loads(file.read_bytes()).get("schema") == _SCHEMA)
    except ValueError:
        return True  # damaged: `load` says so


def _foreign(file: Path) -> ScaffoldError:
    return ScaffoldError(
        f"the unfinished upgrade was begun by another version of mlops-scaffold: {file}",
        hint="finish or abort it with that version",
    )
