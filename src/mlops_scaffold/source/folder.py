"""A folder as a source: one state without a version, be it a plain folder or a working tree."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.version import Version

from mlops_scaffold.catalog.copier_yml import config_file
from mlops_scaffold.errors import ScaffoldError
from mlops_scaffold.files import staging
from mlops_scaffold.git import command as git
from mlops_scaffold.git.export import check_size
from mlops_scaffold.source.base import (
    CATALOG_FILE,
    CATALOG_PARTS,
    TOOL_LEFTOVERS,
    TemplateTree,
    catalog_parts,
    tree_digest,
    without_scratch_paths,
)
from mlops_scaffold.source.untrusted import check_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

UNVERSIONED = "0.0.0.dev0"


@dataclass(frozen=True)
class FolderSource:
    """A folder as it stands. Nothing made from it can be upgraded until it has versions."""

    root: Path
    url: str

    def versions(self) -> tuple[Version, ...]:
        """The one state, named by its digest."""
        return (self._version,)

    def newest(self) -> Version:
        """See `Source.newest`."""
        return self._version

    def find(self, text: str) -> Version:
        """See `Source.find`."""
        if text.removeprefix("v") == str(self._version):
            return self._version
        raise ScaffoldError(
            f"{self.root} has no version {text.removeprefix('v')}: it is a plain folder",
            hint="put it under git and tag its versions: git init, git commit, git tag v1.0.0",
        )

    @contextlib.contextmanager
    def tree(self, version: Version | None = None) -> Iterator[TemplateTree]:
        """See `Source.tree`."""
        version = self.find(str(version)) if version is not None else self._version
        note = (
            f"{self.root} is a folder without versions: a project made from it can't be upgraded"
            f" until the folder is a git repository with version tags.{self._enclosing()}"
        )
        with self._contents() as root:
            yield TemplateTree(root, version, self.url, f"v{version}", (note,))

    @cached_property
    def _version(self) -> Version:
        config_file(self.root)
        if (self.root / CATALOG_FILE).is_file():
            check_tree(self.root, CATALOG_PARTS)  # what is beside them doesn't concern us
        with self._contents() as root:
            return Version(f"{UNVERSIONED}+{tree_digest(root)}")

    @contextlib.contextmanager
    def _contents(self) -> Iterator[Path]:
        """The folder itself; or, where all of it is a template, a copy of what belongs to it."""
        if (self.root / CATALOG_FILE).is_file():
            yield self.root
            return
        with staging.temporary() as scratch:
            copy = scratch / "catalog"
            _copy(self.root, copy)
            with without_scratch_paths(copy):
                yield copy

    def _enclosing(self) -> str:
        """A word on the repository that the folder is part of, if it is."""
        for above in self.root.parents:
            if (above / ".git").exists():
                subdir = self.root.relative_to(above).as_posix()
                return f" To use the versions of the repository: {above}#subdir={subdir}"
        return ""


def working_tree_files(root: Path) -> tuple[str, ...] | None:
    """What git tracks, or would, in the working tree `root`; None if git can't tell."""
    if not (root / ".git").exists():
        return None
    listing = ("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    try:
        found = git.run(*listing, cwd=root).split(b"\0")[:-1]
    except ScaffoldError:
        return None
    return tuple(os.fsdecode(name) for name in found)


def _copy(root: Path, into: Path) -> None:
    """Copy what belongs to a template: what git doesn't ignore, or all but leftovers of tools.

    Raises:
        ScaffoldError: There is too much of it, or something that is neither file nor folder.
    """
    into.mkdir()
    files = size = 0
    for name in _files(root):
        source, target = root / name, into / name
        if not os.path.lexists(source) or (source.is_dir() and not source.is_symlink()):
            continue  # deleted, though git still tracks it; or a submodule
        info = source.lstat()
        if not (stat.S_ISREG(info.st_mode) or stat.S_ISLNK(info.st_mode)):
            raise ScaffoldError(f"the catalog holds {name}, which is neither file nor folder")
        files, size = files + 1, size + info.st_size
        check_size(files, size)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target, follow_symlinks=False)
    check_tree(into, catalog_parts(into))


def _files(root: Path) -> Iterator[str]:
    """Paths of the files that belong to a template, relative to `root`."""
    listed = working_tree_files(root)
    if listed is not None:
        yield from (name for name in listed if not TOOL_LEFTOVERS.intersection(name.split("/")))
        return
    for folder, below, names in os.walk(root):
        links = [name for name in below if (Path(folder) / name).is_symlink()]
        below[:] = [name for name in below if name not in TOOL_LEFTOVERS | {".git", *links}]
        for name in (*names, *links):
            if name not in TOOL_LEFTOVERS | {".git"}:
                yield (Path(folder) / name).relative_to(root).as_posix()
