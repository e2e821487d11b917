"""Where a template version comes from: "the template tree at version V", and nothing more.

The built-in source is the packaged catalog: the tree beside this package is the version being
packaged (or developed), and `releases/` holds every released version before it. Other catalogs
are git repositories or folders. Nothing else in the program knows about git transport.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

from packaging.version import Version

BUILTIN_URL = "mlops-scaffold://catalog.git"


@dataclass(frozen=True)
class TemplateTree:
    """A template tree on disk: `copier.yml`, `catalog.yaml` and `templates/` at one version."""

    root: Path
    version: Version
    url: str  # recorded in generated repos as Copier's `_src_path`


class Source(Protocol):
    """Versions of one catalog."""

    url: str

    def versions(self) -> tuple[Version, ...]:
        """Every version there is, oldest first; the last one is what `new` uses by default."""
        ...

    def tree(self, version: Version | None = None) -> AbstractContextManager[TemplateTree]:
        """The template tree at `version` (default: the newest), valid within the context."""
        ...


@cache
def builtin_root() -> Path:
    """The folder that holds the packaged catalog: inside the wheel, or the checkout."""
    packaged = Path(__file__).parent / "_catalog"
    return packaged if packaged.is_dir() else Path(__file__).parents[2]
