"""Verify: every object of every version is in the remote, whole, and here as well if it is here."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

from ..errors import IntegrityError
from ..manifest import Tracked
from .releases import Release
from .store import DIR, Store, digest

JOBS = 8
Place = Literal["remote", "cache"]


@dataclass(frozen=True, slots=True)
class Problem:
    """An object that is not as it should be.

    Attributes:
        place: `remote` or `cache`.
        state: `missing` or `damaged`.
        path: What it is, in the project.
        versions: The versions that need it.
        md5: Its name.
    """

    place: Place
    state: Literal["missing", "damaged"]
    path: str
    versions: tuple[str, ...]
    md5: str

    def __str__(self) -> str:
        """One line that names it."""
        versions = ", ".join(self.versions)
        return f"{self.state} in the {self.place}: {self.path} of {versions} ({self.md5})"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `verify` found.

    Attributes:
        versions: The versions that were looked at.
        objects: How many objects they have together.
        size: How many bytes of them were read in the remote.
        problems: What is not as it should be.
        absent: Objects that are in the remote, whole, but not on this machine: no problem.
    """

    versions: tuple[str, ...]
    objects: int
    problems: tuple[Problem, ...]
    absent: tuple[Problem, ...]


def verify(store: Store, releases: Iterable[Release], *, quick: bool = False) -> Verdict:
    """Check the objects of some versions.

    Args:
        store: DVC's side of the project.
        releases: The versions.
        quick: Only ask whether the objects are there; otherwise every byte is read.
    """
    chosen = tuple(releases)
    owners: dict[str, tuple[str, list[str]]] = {}
    lost: list[Problem] = []
    for release in chosen:
        for tracked in store.tracked(release.commit):
            for path, name in _members(store, tracked, release, lost).items():
                owners.setdefault(name, (path, []))[1].append(release.version)
    problems: list[Problem] = [*lost]
    absent: list[Problem] = []
    known = {(problem.place, problem.md5) for problem in lost}
    for place in ("remote", "cache"):
        for name, state in states(store, place, owners, quick=quick):
            path, versions = owners[name]
            problem = Problem(place, state, path, tuple(dict.fromkeys(versions)), name)
            harmless = place == "cache" and state == "missing"
            if (place, name) not in known:
                (absent if harmless else problems).append(problem)
    return Verdict(tuple(r.version for r in chosen), len(owners), tuple(problems), tuple(absent))


def repair(store: Store, problems: Iterable[Problem]) -> tuple[list[Problem], list[Problem]]:
    """Put right what can be: each place is filled from the other, if that is whole.

    Returns:
        What was put right, and what was not.
    """
    places: dict[str, Any] = {"remote": store.remote, "cache": store.cache}
    done, left = [], []
    for problem in problems:
        target = places[problem.place]
        source = places["cache" if problem.place == "remote" else "remote"]
        if digest(source, problem.md5) != problem.md5.removesuffix(DIR):
            left.append(problem)
            continue
        if target.exists(problem.md5):
            target.delete(problem.md5)
        target.add(source.oid_to_path(problem.md5), source.fs, problem.md5, hardlink=False)
        done.append(problem)
    return done, left


def _members(
    store: Store, tracked: Tracked, release: Release, lost: list[Problem]
) -> dict[str, str]:
    """List the objects of a folder; if its list is nowhere, the folder itself is the problem."""
    try:
        return store.members(tracked)
    except IntegrityError:
        state: Literal["damaged", "missing"] = (
            "damaged" if store.remote.exists(tracked.md5) else "missing"
        )
        lost.append(Problem("remote", state, tracked.path, (release.version,), tracked.md5))
        return {}


def states(
    store: Store, place: Place, owners: dict[str, Any], *, quick: bool
) -> Iterable[tuple[str, Literal["missing", "damaged"]]]:
    """Find the objects among `owners` that a place lacks, or has damaged."""
    odb = store.remote if place == "remote" else store.cache
    if quick:
        # Not `oids_exist`: of a folder, that would remove damaged objects without a word.
        yield from ((name, "missing") for name in owners.keys() - set(odb.all()))
        return
    with ThreadPoolExecutor(JOBS) as pool:
        found = pool.map(lambda name: digest(odb, name), owners)
        for name, md5 in zip(owners, found, strict=True):
            if md5 != name.removesuffix(DIR):
                yield name, "missing" if md5 is None else "damaged"
