"""The record of an upgrade under way, kept in the git folder of the work tree.

It exists from the moment before the first file is touched until the upgrade is finished or undone,
so that an upgrade that was killed, or waits for its conflicts to be resolved, can always go on or
back.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from mlops_scaffold.errors import ScaffoldError

try:
    import fcntl
except ImportError:  # Windows: one upgrade at a time is then up to the person
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlops_scaffold.git.repo import Repo

# Killed before all was in place; waiting for a person; killed on the way back.
APPLYING, CONFLICTS, UNDOING = "applying", "conflicts", "undoing"
_SCHEMA = 1
_RECORD, _TURNED = "state.json", "undoing.json"


@dataclass(frozen=True)
class Step:
    """One path of the work tree that the upgrade writes or removes."""

    path: str
    writes: bool  # else it removes
    digest: str  # SHA-256 of what is written
    before: str  # SHA-256 of what stood there; "" if nothing did


@dataclass(frozen=True)
class State:
    """All that is needed to finish an upgrade or undo it."""

    phase: str
    old: str  # versions, for people
    new: str
    steps: tuple[Step, ...]
    index: tuple[tuple[str, str, str], ...]  # path, mode and id of each touched entry, before
    paths: tuple[str, ...]  # touched entries of the index
    folders: tuple[tuple[str, int], ...]  # that there were, with their modes
    conflicts: tuple[str, ...]
    record: str  # path of the answers file
    record_text: str
    head: str  # what was checked out: a full branch name, or a commit
    branch: str = ""  # the branch to make, full name
    schema: int = _SCHEMA


def folder(repo: Repo) -> Path:
    """Where the record of this project lies: one per work tree and project folder in it."""
    name = hashlib.sha256(os.fsencode(repo.prefix)).hexdigest()[:12]
    return repo.git_dir / "mlops-scaffold" / name


def load(repo: Repo) -> State | None:
    """The upgrade under way; None if there is none.

    Raises:
        ScaffoldError: It was written by another version of the program, or is damaged.
    """
    file = folder(repo) / _RECORD
    back = folder(repo) / _TURNED
    turned = back.exists()
    if turned:
        file = back
    try:
        data = json.loads(file.read_bytes())
        steps = tuple(Step(**step) for step in data.pop("steps"))
        tuples = {
            key: tuple(tuple(item) if isinstance(item, list) else item for item in value)
            for key, value in data.items()
            if isinstance(value, list)
        }
        state = State(steps=steps, **{**data, **tuples})
        state = replace(state, phase=UNDOING) if turned else state
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, TypeError, KeyError) as error:
        raise ScaffoldError(f"the record of the unfinished upgrade is damaged: {file}") from error
    if state.schema != _SCHEMA:
        raise ScaffoldError(
            f"the unfinished upgrade was begun by another version of mlops-scaffold: {file}",
            hint="finish it with that version",
        )
    return state


def save(state: State, place: Path) -> None:
    """Write the record, in one step, and see it to the disk."""
    draft = place / f"{_RECORD}.new"
    with draft.open("w", encoding="ascii") as file:
        json.dump(asdict(state), file)  # ASCII: undecodable bytes of paths survive as surrogates
        file.flush()
        os.fsync(file.fileno())
    draft.replace(place / _RECORD)


def turn_back(repo: Repo) -> None:
    """Note that the upgrade is being undone: there is no way forward from here.

    A rename, for that works on a full disk.
    """
    record = folder(repo) / _RECORD
    if record.exists():
        record.replace(folder(repo) / _TURNED)


def forget(repo: Repo) -> None:
    """Remove the record; what is left of earlier ones, too."""
    place = folder(repo)
    # In one step: half a record must never look like one.
    if place.exists():
        place.rename(place.with_suffix(".old"))
    sweep(repo)


def sweep(repo: Repo) -> None:
    """Remove what a killed upgrade left beside the record before, or after, it mattered."""
    for suffix in (".new", ".old"):
        shutil.rmtree(folder(repo).with_suffix(suffix), ignore_errors=True)
    with suppress(OSError):  # another project of the repository has one, or none ever was
        folder(repo).parent.rmdir()


@contextmanager
def lock(repo: Repo) -> Iterator[None]:
    """Hold the repository against other upgrades; a killed one lets go by itself.

    Raises:
        ScaffoldError: Another upgrade holds it.
    """
    if fcntl is None:
        yield
        return
    handle = os.open(repo.git_dir, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ScaffoldError(
                f"another upgrade is running in {repo.top}", hint="wait until it has ended"
            ) from error
        yield
    finally:
        os.close(handle)
