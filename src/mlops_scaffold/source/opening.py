"""Open the source that a person names, or that a generated repository records."""

# Imported by every verb, `list` too: what only some of them need is imported where it is used.
# ruff: noqa: PLC0415

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mlops_scaffold.errors import ScaffoldError, UsageError, did_you_mean
from mlops_scaffold.source.base import BUILTIN_URL, UnreachableCatalogError
from mlops_scaffold.source.builtin import builtin

if TYPE_CHECKING:
    from packaging.version import Version

    from mlops_scaffold.answers import Recorded
    from mlops_scaffold.source.base import Source
    from mlops_scaffold.source.location import Location

_MOVED = "if the catalog moved: mlops-scaffold upgrade --catalog NEW"


def open_source(spec: str | None) -> Source:
    """The catalog that `--catalog` names: a saved name, a folder, a URL or a shorthand.

    None is the built-in catalog.

    Raises:
        ScaffoldError: There is no such catalog, or its transport is refused.
    """
    if spec is None or spec == BUILTIN_URL:
        return builtin()
    from mlops_scaffold.source import location, saved

    known = saved.catalogs()
    place = location.parse(known.get(spec, spec))
    if place.folder is None and not location.is_url(place.address):
        raise UsageError(
            f"there is no catalog {spec!r}: it is neither a folder, a URL nor a saved name",
            hint=did_you_mean(spec, known) or "saved names: mlops-scaffold catalog list",
        )
    return _open(place)


def source_for(recorded: Recorded) -> Source:
    """The source that a generated repository came from.

    Raises:
        ScaffoldError: What it records can't be reached or is refused.
    """
    if recorded.url == BUILTIN_URL:
        return builtin()
    from mlops_scaffold.source import location

    if not location.is_url(recorded.url) and not Path(recorded.url).expanduser().is_absolute():
        raise ScaffoldError(
            f"{recorded.path}: `_src_path: {recorded.url}` is neither a URL nor an absolute path",
            hint=_MOVED,
        )
    try:
        place = location.parse(recorded.url)
    except UsageError as error:  # the call was right; what is wrong is in the file
        raise ScaffoldError(
            f"{recorded.path}: `_src_path`: {error.message}", hint=_MOVED
        ) from error
    if place.folder is None and not location.is_url(place.address):
        raise UnreachableCatalogError(
            f"{recorded.path} records a catalog that is not there: {recorded.url}", hint=_MOVED
        )
    return _open(place)


def recorded_version(source: Source, recorded: Recorded) -> Version:
    """The version of `source` that a generated repository records.

    Raises:
        ScaffoldError: The source doesn't know it, or can't be read; the answers file is named.
    """
    try:
        return source.find(recorded.version_text)
    except UnreachableCatalogError as error:
        raise UnreachableCatalogError(
            f"{recorded.path}: {error.message}", hint=f"{error.hint}; {_MOVED}"
        ) from error
    except ScaffoldError as error:
        raise ScaffoldError(
            f"{recorded.path}: `_commit: {recorded.version_text}`: {error.message}", hint=error.hint
        ) from error


def _open(place: Location) -> Source:
    from mlops_scaffold.source.folder import FolderSource
    from mlops_scaffold.source.repository import RepositorySource

    folder = place.folder
    if folder is None or folder.is_file() or _is_repository(folder):
        source = RepositorySource(place)
        if folder is None or source.has_commits():
            return source
    inside = folder / place.subdir
    if not inside.resolve().is_relative_to(folder) or not inside.is_dir():
        raise UsageError(f"{folder} has no folder {place.subdir!r}")
    return FolderSource(inside, str(inside))


def _is_repository(folder: Path) -> bool:
    inside = folder / ".git"
    return inside.is_file() or any((git_dir / "HEAD").is_file() for git_dir in (inside, folder))
