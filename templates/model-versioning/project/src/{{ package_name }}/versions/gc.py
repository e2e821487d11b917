"""Garbage collection: remove objects that no version, branch or experiment needs."""

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..errors import StateError
from . import releases
from .git import Git
from .store import DIR, Store

DAY = 86_400


@dataclass(frozen=True, slots=True)
class Garbage:
    """Objects that can be removed.

    Attributes:
        cache: Objects on this machine.
        remote: Objects in the remote.
        too_new: Objects in the remote that are too new to remove: a colleague may have pushed them
            for a tag that is not pushed yet.
        kept: How many objects are needed.
    """

    cache: tuple[str, ...]
    remote: tuple[str, ...]
    too_new: tuple[str, ...]
    kept: int


def find(git: Git, store: Store, *, days: float) -> Garbage:
    """Find objects that nothing needs.

    An object is needed if it belongs to a tag, to a local or remote branch, to an experiment, or
    to the working tree. Tags and branches are fetched from the git remote first.

    Args:
        git: The project's repository.
        store: The project's data.
        days: Keep objects in the remote that are newer than this.

    Raises:
        StateError: The git remote is unreachable, so other people's versions are unknown.
        IntegrityError: A folder's file list is missing, so the objects it needs are unknown.
    """
    remote = git.remote()
    if remote is not None:
        if git.run_or_none("fetch", "--tags", remote) is None:
            raise StateError(
                f"{remote} cannot be reached: data of other people's versions could be removed"
            )
        if git.run("rev-parse", "--is-shallow-repository").strip() == "true":
            raise StateError("this is a shallow clone: run `git fetch --unshallow` first")
    needed = _needed(git, store)
    unused = sorted(set(store.remote.all()) - needed)
    cutoff = time.time() - days * DAY
    too_new = [name for name in unused if days and _modified_at(store.remote, name) > cutoff]
    return Garbage(
        cache=tuple(sorted(set(store.cache.all()) - needed)),
        remote=tuple(name for name in unused if name not in set(too_new)),
        too_new=tuple(too_new),
        kept=len(needed),
    )


def remove(git: Git, store: Store, garbage: Garbage) -> None:
    """Remove the objects, except those that have become needed since."""
    needed = _needed(git, store)
    for odb, names in ((store.remote, garbage.remote), (store.cache, garbage.cache)):
        # Folders' file lists first: a list whose files are gone would look like damage.
        for name in sorted(names, key=lambda each: not each.endswith(DIR)):
            if name not in needed:
                odb.delete(name)


def _needed(git: Git, store: Store) -> set[str]:
    listed = git.run("for-each-ref", "--format=%(objectname) %(objecttype) %(*objectname)")
    commits = {git.commit(line.split()[0]) for line in listed.splitlines() if "commit" in line}
    commits |= {release.commit for release in releases.releases(git)}
    names: set[str] = set()
    for revision in [None, *sorted(commits)]:
        for tracked in store.tracked(revision):
            names |= set(store.members(tracked).values())
    return names


def _modified_at(odb: Any, name: str) -> float:
    """Return an object's modification time as a Unix timestamp.

    Every kind of storage has its own key for it.
    """
    info = odb.fs.info(odb.oid_to_path(name))
    for key in ("mtime", "LastModified", "last_modified", "updated", "modified", "created"):
        value = info.get(key)
        if isinstance(value, datetime):
            return value.timestamp()
        if isinstance(value, str):
            return datetime.fromisoformat(value).timestamp()
        if isinstance(value, int | float):
            return float(value)
    return time.time()  # unknown, so treat it as new
