"""Verify that every object of every version is in the remote and intact, and check the cache."""

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
    """A missing or damaged object.

    Attributes:
        place: `remote` or `cache`.
        state: `missing` or `damaged`.
        path: Its path in the project.
        versions: The versions that need it.
        md5: Name of the object.
    """

    place: Place
    state: Literal["missing", "damaged"]
    path: str
    versions: tuple[str, ...]
    md5: str

    def __str__(self) -> str:
        """Describe the problem in one line."""
        versions = ", ".join(self.versions)
        return f"{self.state} in the {self.place}: {self.path} of {versions} ({self.md5})"


@dataclass(frozen=True, slots=True)
class Verification:
    """The result of `verify`.

    Attributes:
        versions: The verified versions.
        objects: Total number of their objects.
        problems: Missing and damaged objects.
        absent: Objects that are not on this machine, which is not a problem.
    """

    versions: tuple[str, ...]
    objects: int
    problems: tuple[Problem, ...]
    absent: tuple[Problem, ...]


def verify(store: Store, releases: Iterable[Release], *, quick: bool = False) -> Verification:
    """Check the objects of some versions.

    Args:
        store: The project's data.
        releases: The versions.
        quick: Only check that the objects exist; otherwise every byte is read.
    """
    chosen = tuple(releases)
    objects: dict[str, tuple[str, list[str]]] = {}
    broken_folders: list[Problem] = []
    for release in chosen:
        for tracked in store.tracked(release.commit):
            for path, name in _members(store, tracked, release, broken_folders).items():
                objects.setdefault(name, (path, []))[1].append(release.version)
    problems: list[Problem] = [*broken_folders]
    absent: list[Problem] = []
    reported = {(problem.place, problem.md5) for problem in broken_folders}
    for place in ("remote", "cache"):
        for name, state in find_problems(store, place, objects, quick=quick):
            path, versions = objects[name]
            problem = Problem(place, state, path, tuple(dict.fromkeys(versions)), name)
            harmless = place == "cache" and state == "missing"
            if (place, name) not in reported:
                (absent if harmless else problems).append(problem)
    return Verification(
        tuple(release.version for release in chosen), len(objects), tuple(problems), tuple(absent)
    )


def repair(store: Store, problems: Iterable[Problem]) -> tuple[list[Problem], list[Problem]]:
    """Restore objects in the remote or the cache from an intact copy in the other.

    Returns:
        The problems that were repaired, and those that were not.
    """
    places: dict[str, Any] = {"remote": store.remote, "cache": store.cache}
    repaired, unrepaired = [], []
    for problem in problems:
        target = places[problem.place]
        source = places["cache" if problem.place == "remote" else "remote"]
        if digest(source, problem.md5) != problem.md5.removesuffix(DIR):
            unrepaired.append(problem)
            continue
        if target.exists(problem.md5):
            target.delete(problem.md5)
        target.add(source.oid_to_path(problem.md5), source.fs, problem.md5, hardlink=False)
        repaired.append(problem)
    return repaired, unrepaired


def _members(
    store: Store, tracked: Tracked, release: Release, broken_folders: list[Problem]
) -> dict[str, str]:
    """List the objects of a folder; if its file list is missing, report the folder itself."""
    try:
        return store.members(tracked)
    except IntegrityError:
        state: Literal["damaged", "missing"] = (
            "damaged" if store.remote.exists(tracked.md5) else "missing"
        )
        problem = Problem("remote", state, tracked.path, (release.version,), tracked.md5)
        broken_folders.append(problem)
        return {}


def find_problems(
    store: Store, place: Place, objects: dict[str, Any], *, quick: bool
) -> Iterable[tuple[str, Literal["missing", "damaged"]]]:
    """Find the objects that are missing or damaged in a place."""
    odb = store.remote if place == "remote" else store.cache
    if quick:
        # Not `oids_exist`, which silently deletes damaged objects in a folder remote.
        yield from ((name, "missing") for name in objects.keys() - set(odb.all()))
        return
    with ThreadPoolExecutor(JOBS) as pool:
        digests = pool.map(lambda name: digest(odb, name), objects)
        for name, md5 in zip(objects, digests, strict=True):
            if md5 != name.removesuffix(DIR):
                yield name, "missing" if md5 is None else "damaged"
