"""A scratch folder beside a target: what is ready moves into place with one rename.

It lies on the target's own file system, is hidden, and says whose it is. A process holds a lock in
it for as long as it lives, so one that was killed is told from one that is at work, and the next
one clears up after it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING

from mlops_scaffold.errors import ScaffoldError

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = ".mlops-scaffold-scratch-"
_LOCK = "lock"
_OLD_SECONDS = 3600.0  # for those killed before they had a lock, and systems without one


@contextlib.contextmanager
def beside(folder: Path) -> Iterator[Path]:
    """A new scratch folder in `folder`, removed in the end; forgotten ones are removed first.

    Raises:
        ScaffoldError: `folder` can't be written.
    """
    try:
        scratch = Path(tempfile.mkdtemp(prefix=PREFIX, dir=folder))
    except OSError as error:
        raise ScaffoldError(
            f"cannot write in {folder}: {error.strerror}",
            hint="choose a folder of yours, with room on its disk",
        ) from error
    try:
        with _hold(scratch):
            _clear_forgotten(folder, keep=scratch)
            yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _clear_forgotten(folder: Path, *, keep: Path) -> None:
    for found in folder.glob(f"{PREFIX}*"):
        if found != keep and not found.is_symlink() and found.is_dir() and _forgotten(found):
            shutil.rmtree(found, ignore_errors=True)


@contextlib.contextmanager
def _hold(scratch: Path) -> Iterator[None]:
    """Hold the scratch folder's lock, which appears under its name only once it is held."""
    fresh = scratch / f"{_LOCK}.new"
    with fresh.open("wb") as file:
        if _try_lock(file):
            fresh.rename(scratch / _LOCK)
        yield


def _forgotten(scratch: Path) -> bool:
    try:
        with (scratch / _LOCK).open("rb+") as file:
            return _try_lock(file)
    except OSError:
        with contextlib.suppress(OSError):
            return time.time() - scratch.stat().st_mtime > _OLD_SECONDS
        return False


def _try_lock(file: IO[bytes]) -> bool:
    """Whether `file` is now locked, until it is closed or its process ends."""
    if os.name == "nt":  # an open file can't be removed there: age alone tells
        return False
    import fcntl  # noqa: PLC0415  # not on Windows

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
