"""The released versions of the catalog: git bundles under `releases/`, read through a repository.

Each release is one incremental bundle with one tag, listed with its digest in `index.yaml`. They
are unpacked once per user into a bare repository that is named by the index's digest, so each set
of releases has its own and nothing there ever changes. It is a cache: one that was damaged is made
again, and where there can be none, a temporary repository replaces it.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from packaging.version import InvalidVersion, Version

from mlops_scaffold.errors import ScaffoldError
from mlops_scaffold.files import staging
from mlops_scaffold.git import command as git
from mlops_scaffold.git import export

if TYPE_CHECKING:
    from collections.abc import Iterator

INDEX = "index.yaml"
_HEX = re.compile(r"[0-9a-f]+")


@dataclass(frozen=True)
class Release:
    """One line of the index."""

    version: Version
    bundle: str  # file name beside the index
    sha256: str
    commit: str

    @property
    def tag(self) -> str:
        """The git tag that holds this release, e.g. `v0.1.0`."""
        return f"v{self.version}"


@cache
def releases(folder: Path) -> tuple[Release, ...]:
    """The releases that `folder` holds, oldest first.

    Raises:
        ScaffoldError: The index is broken.
    """
    index = folder / INDEX
    if not index.is_file():
        return ()
    try:
        lines = yaml.safe_load(index.read_bytes()) or []
        found = tuple(
            Release(Version(x["version"]), x["bundle"], x["sha256"], x["commit"]) for x in lines
        )
    except (yaml.YAMLError, InvalidVersion, KeyError, TypeError) as error:
        raise ScaffoldError(f"{index} is broken: {error}") from error
    for release in found:
        if release.bundle != f"{release.tag}.bundle" or not _HEX.fullmatch(release.commit):
            raise ScaffoldError(f"{index} is broken at version {release.version}")
    return tuple(sorted(found, key=lambda release: release.version))


@contextlib.contextmanager
def repository(folder: Path) -> Iterator[Path]:
    """A bare repository with every release in `folder`, complete and readable.

    It is kept in the user's cache folder; where that can't be written, in a temporary one.

    Raises:
        ScaffoldError: A bundle is missing or is not the one that was released.
    """
    with _cached(folder) as cached:
        if cached and _complete(cached, folder):
            yield cached
            return
    with _cached(folder, again=True) as cached:
        if cached and _complete(cached, folder):
            yield cached
            return
    with _temporary(folder) as fresh:
        yield fresh


@contextlib.contextmanager
def tree(folder: Path, version: Version) -> Iterator[Path]:
    """The catalog as it was released as `version`, in a scratch folder.

    Raises:
        ScaffoldError: As `repository`.
    """
    commit = next(release.commit for release in releases(folder) if release.version == version)
    with staging.temporary() as scratch:
        root = scratch / "catalog"
        with _cached(folder) as cached:
            if cached and _exported(cached, commit, root):
                yield root
                return
        with repository(folder) as repo:
            export.export(repo, commit, root)
            yield root


def cache_folder(name: str) -> Path:
    """A folder of ours in the user's cache, made on first use.

    Raises:
        OSError: It can't be made.
    """
    root = os.environ.get("MLOPS_SCAFFOLD_CACHE_DIR")
    if not root:
        from platformdirs import user_cache_path  # noqa: PLC0415  # only where it is needed

        base = user_cache_path("mlops-scaffold", appauthor=False)
    else:
        base = Path(root)
    folder = base / name
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


@contextlib.contextmanager
def _cached(folder: Path, *, again: bool = False) -> Iterator[Path | None]:
    """The repository in the cache, unpacked on first use or `again`; None if there can be none."""
    key = sha256((folder / INDEX).read_bytes()).hexdigest()[:32]
    try:
        place = cache_folder("history") / f"{key}.git"
        damaged = again and not _complete(place, folder)
        if damaged or not place.is_dir():
            _unpack_into_place(folder, place, damaged=damaged)
    except (OSError, git.GitError, staging.NoScratchError):  # not ours to write, or a full disk
        yield None
    else:
        yield place


@contextlib.contextmanager
def _temporary(folder: Path) -> Iterator[Path]:
    with staging.temporary() as scratch:
        fresh = scratch / "history.git"
        unpack(folder, fresh)
        yield fresh


def _complete(repo: Path, folder: Path) -> bool:
    """Whether `repo` has everything that was released, and the tags say so."""
    wanted = {f"{release.commit} refs/tags/{release.tag}" for release in releases(folder)}
    listing = ("for-each-ref", "--format=%(objectname) %(refname)", "refs/tags")
    try:
        tags = git.run(*listing, env=_at(repo)).decode().splitlines()
        git.run("rev-list", "--objects", "--quiet", "--tags", env=_at(repo))
    except git.GitError:
        return False
    return set(tags) == wanted


def _exported(repo: Path, commit: str, root: Path) -> bool:
    """Export a commit from the cache; tell whether it was all there."""
    try:
        export.export(repo, commit, root)
    except (ScaffoldError, ValueError, IndexError):
        shutil.rmtree(root, ignore_errors=True)
        return False
    return True


def _unpack_into_place(folder: Path, place: Path, *, damaged: bool) -> None:
    """Unpack beside `place`, then rename: the first one wins, and readers never see a part of it.

    Args:
        folder: The releases.
        place: Where the repository goes.
        damaged: What is in that place is to be replaced.
    """
    with staging.beside(place.parent) as scratch:
        fresh = scratch / "history.git"
        unpack(folder, fresh)
        if damaged:
            with contextlib.suppress(FileNotFoundError):
                place.rename(scratch / "damaged")
        try:
            fresh.rename(place)
        except OSError:
            if not place.is_dir():
                raise


def _at(repo: Path) -> dict[str, str]:
    return {"GIT_DIR": str(repo)}


def unpack(folder: Path, repo: Path) -> None:
    """Make the bare repository `repo`, with every release in `folder`.

    Raises:
        ScaffoldError: A bundle is missing or is not the one that was released.
    """
    git.run("init", "--quiet", "--bare", "--template=", "-b", "main", str(repo))
    for release in releases(folder):
        bundle = (folder / release.bundle).resolve()
        try:
            digest = sha256(bundle.read_bytes()).hexdigest()
        except OSError as error:
            raise ScaffoldError(f"cannot read {bundle}: {error.strerror}") from error
        if digest != release.sha256:
            raise ScaffoldError(
                f"{bundle} is not the file that was released as {release.version}",
                hint="install mlops-scaffold again: pip install --force-reinstall mlops-scaffold",
            )
        ref = f"refs/tags/{release.tag}"
        git.run("fetch", "--quiet", "--no-tags", str(bundle), f"{ref}:{ref}", cwd=repo)
        commit = git.run("rev-parse", f"{ref}^{{commit}}", cwd=repo).decode().strip()
        if commit != release.commit:
            raise ScaffoldError(f"{bundle} holds {commit}, the index says {release.commit}")
    if newest := releases(folder)[-1:]:
        git.run("update-ref", "refs/heads/main", newest[0].commit, cwd=repo)
