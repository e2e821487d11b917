"""Files of the work tree: compared, copied aside, moved into place and removed."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping
    from pathlib import Path

    from mlops_scaffold.git.repo import Repo


def digest(file: Path) -> str:
    """SHA-256 of a file's content or a link's target; "" if neither is there."""
    if file.is_symlink():
        return hashlib.sha256(os.fsencode(file.readlink())).hexdigest()
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""


def same(one: Path, other: Path) -> bool:
    """Whether both are one file under two names, or alike in kind, mode and content."""
    try:
        mine, theirs = one.lstat(), other.lstat()
    except OSError:
        return False
    alike = mine.st_mode == theirs.st_mode and digest(one) == digest(other)
    return os.path.samestat(mine, theirs) or alike


def back_up(source: Path, backup: Path) -> None:
    """Keep the file or link at a path, if there is one."""
    linked = source.is_symlink()
    if not linked and not source.is_file():
        return
    backup.parent.mkdir(parents=True, exist_ok=True)
    if not linked:
        with suppress(OSError):  # another disk, another owner
            backup.hardlink_to(source)  # costs no space, and keeps every property of the file
            return
    shutil.copy2(source, backup, follow_symlinks=False)


def move(source: Path, target: Path) -> None:
    """Move a file in one step, also when the git folder is on another disk."""
    try:
        source.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        shutil.copy2(source, draft(target), follow_symlinks=False)
        draft(target).replace(target)
        source.unlink()


def draft(target: Path) -> Path:
    """Where a file is written before one rename puts it in place."""
    return target.with_name(f".{target.name}.mlops-scaffold")


def remove(file: Path) -> None:
    """Remove a file or link, unless a folder took its place already."""
    if file.is_symlink() or file.is_file():
        file.unlink()


def remove_draft(target: Path) -> None:
    """Remove what a killed run left of a file that it was writing."""
    if os.path.lexists(draft(target)):
        draft(target).unlink()


def prune(repo: Repo, paths: Iterable[str], *, keep: Container[str] = ()) -> None:
    """Remove folders that lost their last file."""
    parents = {parent for path in paths for parent in repo.parents(path)}
    for parent in sorted((p for p in parents if p not in keep), reverse=True):
        with suppress(OSError):  # not empty, or gone
            (repo.top / parent).rmdir()


def make_parents(repo: Repo, path: str, modes: Mapping[str, int]) -> None:
    """Create the folders above a path that are missing, with the modes they had."""
    for parent in repo.parents(path):
        target = repo.top / parent
        if not target.exists():
            target.mkdir()
            target.chmod(modes.get(parent, 0o755))
