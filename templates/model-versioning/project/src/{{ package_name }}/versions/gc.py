"""Clear up: remove what no version, no branch and no experiment needs, and nothing else."""

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
class Waste:
    """What may go.

    Attributes:
        cache: Objects on this machine.
        remote: Objects in the remote.
        young: Objects in the remote that nobody needs, but that are too new to be sure: their tag
            may be on its way.
        kept: How many objects are needed.
    """

    cache: tuple[str, ...]
    remote: tuple[str, ...]
    young: tuple[str, ...]
    kept: int


def find(git: Git, store: Store, *, days: float) -> Waste:
    """Find what nothing needs.

    Needed is what belongs to a tag, to a branch here or at `origin`, to an experiment, or to the
    working tree. Tags and branches of others are fetched first.

    Args:
        git: The project.
        store: Its data.
        days: Leave objects of the remote alone that are younger.

    Raises:
        StateError: `origin` cannot be asked, so others' versions are not known.
        IntegrityError: A folder's list is nowhere, so what it needs is not known.
    """
    remote = git.remote()
    if remote is not None:
        if git.ask("fetch", "--tags", remote) is None:
            raise StateError(f"{remote} cannot be reached: without it, versions of others are lost")
        if git.run("rev-parse", "--is-shallow-repository").strip() == "true":
            raise StateError("this is a shallow clone: `git fetch --unshallow` first")
    needed = _needed(git, store)
    unused = sorted(set(store.remote.all()) - needed)
    since = time.time() - days * DAY
    young = [name for name in unused if days and _changed(store.remote, name) > since]
    return Waste(
        cache=tuple(sorted(set(store.cache.all()) - needed)),
        remote=tuple(name for name in unused if name not in set(young)),
        young=tuple(young),
        kept=len(needed),
    )


def remove(git: Git, store: Store, waste: Waste) -> None:
    """Remove it, unless it has come to be needed in the meantime."""
    needed = _needed(git, store)
    for odb, names in ((store.remote, waste.remote), (store.cache, waste.cache)):
        # Lists of folders first: a list without its files would look like damage.
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


def _changed(odb: Any, name: str) -> float:
    """Tell when an object was last written, in seconds since 1970; every kind has its own word."""
    info = odb.fs.info(odb.oid_to_path(name))
    for key in ("mtime", "LastModified", "last_modified", "updated", "modified", "created"):
        value = info.get(key)
        if isinstance(value, datetime):
            return value.timestamp()
        if isinstance(value, str):
            return datetime.fromisoformat(value).timestamp()
        if isinstance(value, int | float):
            return float(value)
    return time.time()  # not known: young
