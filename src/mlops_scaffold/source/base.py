"""Where a template version comes from: "the template tree at version V", and nothing more.

The built-in source is the packaged catalog: the tree beside this package is the version being
packaged (or developed), and `releases/` holds every released version before it. Other catalogs
are git repositories or folders (`foreign`). Nothing else in the program knows about git transport.
"""

# Imported by every verb, `list` too: what only some of them need is imported where it is used.
# ruff: noqa: PLC0415

from __future__ import annotations

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
# The part of a checkout that is the catalog: what a release holds, and what a digest covers.
CATALOG_PARTS = ("CHANGELOG.md", "catalog.yaml", "copier.yml", "templates")
# Left behind by tools that ran inside a template; `copier.yml` keeps them from being rendered.
TOOL_LEFTOVERS = frozenset(
    {"__pycache__", ".DS_Store", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis"}
)


@dataclass(frozen=True)
class TemplateTree:
    """A template tree on disk: `copier.yml`, `catalog.yaml` and `templates/` at one version."""

    root: Path
    version: Version
    url: str  # recorded in generated repos as Copier's `_src_path`
    ref: str  # the version as recorded in them, Copier's `_commit`, e.g. `v0.1.0`

    @property
    def trusted(self) -> bool:
        """Whether it is our own catalog; any other is rendered under limits."""
        return self.url == BUILTIN_URL


class Source(Protocol):
    """Versions of one catalog."""

    @property
    def url(self) -> str:
        """What generated repositories record: portable where it can be, without credentials."""
        ...

    def versions(self) -> tuple[Version, ...]:
        """Every version there is; the last one is what `new` uses by default.

        Oldest first, with pre-releases before all others.
        """
        ...

    def tree(self, version: Version | None = None) -> AbstractContextManager[TemplateTree]:
        """The template tree at `version` (default: the newest), valid within the context.

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

    listed = f"versions of this catalog: {', '.join(map(str, known)) or 'none'}"
    try:
        wanted = Version(text)
    except InvalidVersion as error:
        raise ScaffoldError(f"{text!r} is not a version", hint=listed) from error
    if wanted not in known:
        if wanted.local is not None:
            listed += " (a development version is gone as soon as a template has changed)"
        raise ScaffoldError(f"unknown version {wanted}", hint=listed)
    return known[known.index(wanted)]  # as the catalog writes it: 1.0 may be its 1.0.0


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
    """The files of the catalog part of `root`, in one order everywhere."""
    for part in CATALOG_PARTS:
        path = root / part
        found = [path] if path.is_file() else path.rglob("*")
        for file in sorted(found, key=lambda file: file.relative_to(root).as_posix()):
            if file.is_file() and not TOOL_LEFTOVERS.intersection(file.relative_to(root).parts):
                yield file
