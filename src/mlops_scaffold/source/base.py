"""What a source is: it gives the template tree at a version, and nothing more.

The built-in source is the packaged catalog: the tree beside this package is the version being
packaged (or developed), and `releases/` holds every released version before it. External catalogs
are git repositories (`repository`) or plain folders (`folder`). Nothing else in the program knows
about git transport.
"""

# Imported by every verb, `list` too: what only some of them need is imported where it is used.
# ruff: noqa: PLC0415

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from mlops_scaffold.errors import ScaffoldError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from packaging.version import Version


BUILTIN_URL = "mlops-scaffold://catalog.git"
_SHOWN = 12
CATALOG_FILE = "catalog.yaml"
# The part of a checkout that is the catalog: what a release holds, and what a digest covers.
CATALOG_PARTS = ("CHANGELOG.md", CATALOG_FILE, "copier.yml", "copier.yaml", "templates")
# Left behind by tools that ran inside a template; `copier.yml` keeps them from being rendered.
TOOL_LEFTOVERS = frozenset(
    {"__pycache__", ".DS_Store", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis"}
)


@dataclass(frozen=True)
class TemplateTree:
    """A template tree on disk: `copier.yml`, `catalog.yaml` and `templates/` at one version.

    Attributes:
        root: Its folder.
        version: Its version; an unreleased one has a local part (`1.0.0+3.gabc1234`).
        url: Recorded in generated repos as Copier's `_src_path`.
        ref: The version as recorded in them, Copier's `_commit`: a tag like `v0.1.0`, or what
            `git describe` calls an unreleased commit.
        notes: What people should know before they use it, a sentence each.
    """

    root: Path
    version: Version
    url: str
    ref: str
    notes: tuple[str, ...] = ()

    @property
    def trusted(self) -> bool:
        """Whether it is our own catalog; any other is rendered under limits."""
        return self.url == BUILTIN_URL

    @property
    def standalone(self) -> bool:
        """Whether it is a Copier template of its own, which is told more about the project."""
        return not (self.root / CATALOG_FILE).is_file()

    @property
    def name(self) -> str:
        """What people would call the catalog."""
        from mlops_scaffold.source.location import name_of

        return name_of(self.url)


class UnreachableCatalogError(ScaffoldError):
    """The catalog itself can't be read: it is gone, or access to it is missing."""


class Source(Protocol):
    """Versions of one catalog."""

    @property
    def url(self) -> str:
        """What generated repositories record: portable where it can be, without credentials."""
        ...

    def versions(self) -> tuple[Version, ...]:
        """Every released version, oldest first, with pre-releases before all others."""
        ...

    def newest(self) -> Version:
        """The version that an upgrade leads to by default: the last release, if there is one.

        Raises:
            ScaffoldError: The catalog can't be read.
        """
        ...

    def find(self, text: str) -> Version:
        """The version that a person or a project names, like `1.2.0` or `v1.2.0`.

        A git repository also knows branches, commits and `HEAD`.

        Raises:
            ScaffoldError: There is none; those there are are listed.
        """
        ...

    def tree(self, version: Version | None = None) -> AbstractContextManager[TemplateTree]:
        """The template tree at `version` (default: what `new` uses), valid within the context.

        Raises:
            ScaffoldError: There is no such version, or it can't be had.
        """
        ...


def parse_version(text: str, known: Sequence[Version]) -> Version:
    """The known version that `text` (`1.2.0` or `v1.2.0`) names.

    Raises:
        ScaffoldError: It is not a version, or not a known one; the known ones are listed.
    """
    from packaging.version import InvalidVersion, Version

    versions = f"versions of this catalog: {listed(known)}"
    try:
        wanted = Version(text)
    except InvalidVersion as error:
        raise ScaffoldError(f"{text!r} is not a version", hint=versions) from error
    if wanted not in known:
        if wanted.local is not None:
            versions += " (a development version is gone as soon as a template has changed)"
        raise ScaffoldError(f"unknown version {wanted}", hint=versions)
    return known[known.index(wanted)]  # as the catalog writes it: 1.0 may be its 1.0.0


@contextlib.contextmanager
def without_scratch_paths(root: Path) -> Iterator[None]:
    """Name files of a tree that is gone in a moment by their place in the catalog."""
    try:
        yield
    except ScaffoldError as error:
        error.message = error.message.replace(f"{root}{os.sep}", "").replace(
            str(root), "the catalog"
        )
        raise


def listed(names: Sequence[object]) -> str:
    """The last of `names`, for a hint."""
    shown = ", ".join(map(str, names[-_SHOWN:])) or "none"
    return f"..., {shown}" if len(names) > _SHOWN else shown


def catalog_parts(root: Path) -> tuple[str, ...]:
    """The names in `root` that make up the catalog: all of them in a Copier template of its own."""
    if (root / CATALOG_FILE).is_file():
        return CATALOG_PARTS
    left_out = {".git", *TOOL_LEFTOVERS}
    return tuple(sorted(path.name for path in root.iterdir() if path.name not in left_out))


def tree_digest(root: Path) -> str:
    """12 hex digits of a digest over the catalog part of `root`: names, executable bits, bytes."""
    from hashlib import sha256

    digest = sha256()
    for path in catalog_files(root):
        name = path.relative_to(root).as_posix()
        content = path.read_bytes()
        executable = int(os.name != "nt" and os.access(path, os.X_OK))
        digest.update(f"{name}\0{executable}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:12]


def catalog_files(root: Path) -> Iterator[Path]:
    """The files of the catalog part of `root`, in the same order everywhere."""
    for part in catalog_parts(root):
        path = root / part
        found = [path] if path.is_file() else path.rglob("*")
        for file in sorted(found, key=lambda file: file.relative_to(root).as_posix()):
            if file.is_file() and not TOOL_LEFTOVERS.intersection(file.relative_to(root).parts):
                yield file
