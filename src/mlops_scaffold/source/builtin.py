"""The catalog that comes with the program: the tree at hand, and every released version."""

# Imported by every verb, `list` too: what only some of them need is imported where it is used.
# ruff: noqa: PLC0415

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_scaffold import __version__
from mlops_scaffold.source.base import BUILTIN_URL, TemplateTree, parse_version, tree_digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packaging.version import Version

    from mlops_scaffold.source.base import Source


@cache
def builtin_root() -> Path:
    """The folder that holds the packaged catalog: inside the wheel, or the checkout."""
    packaged = Path(__file__).parents[1] / "_catalog"
    return packaged if packaged.is_dir() else Path(__file__).parents[3]


def builtin() -> Source:
    """The catalog that comes with this program."""
    from packaging.version import Version

    return BuiltinSource(builtin_root(), Version(__version__))


@dataclass(frozen=True)
class BuiltinSource:
    """The packaged catalog: the tree at `root` is version `current`, the rest is history."""

    root: Path
    current: Version
    url: str = BUILTIN_URL

    def versions(self) -> tuple[Version, ...]:
        """Released versions, and the tree at hand."""
        from mlops_scaffold.source.releases import releases

        released = {release.version for release in releases(self.root / "releases")}
        return tuple(sorted(released | {self._at_hand}))

    def newest(self) -> Version:
        """See `Source.newest`."""
        return self.versions()[-1]

    def find(self, text: str) -> Version:
        """See `Source.find`."""
        return parse_version(text, self.versions())

    @contextlib.contextmanager
    def tree(self, version: Version | None = None) -> Iterator[TemplateTree]:
        """See `Source.tree`."""
        version = self._at_hand if version is None else version
        if version == self._at_hand:
            yield TemplateTree(self.root, version, self.url, f"v{version}")
            return
        from mlops_scaffold.source import releases

        parse_version(str(version), self.versions())
        with releases.tree(self.root / "releases", version) as root:
            yield TemplateTree(root, version, self.url, f"v{version}")

    @cached_property
    def _at_hand(self) -> Version:
        """`current`, with a digest of the tree where it is a development version."""
        from packaging.version import Version

        if not self.current.is_devrelease:
            return self.current
        return Version(f"{self.current.public}+{tree_digest(self.root)}")
