"""A scratch folder beside a target: what is ready moves into place with one rename.

It lies on the target's own file system, is hidden, and says whose it is. A process holds a lock on
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
from typing import TYPE_CHECKING

from mlops_scaffold.errors import ScaffoldError

if TYPE_CHECKING:
    from collections.abc import Iterator

try:
    import fcntl
except ImportError:  # Windows, where a folder can't be locked: age alone tells
    fcntl = None  # type: ignore[assignment]

PREFIX = ".mlops-scaffold-scratch-"
_OLD_SECONDS = 3600.0  # where there are no locks


@contextlib.contextmanager
def beside(folder: Path) -> Iterator[Path]:
    """A new scratch folder in `folder`, removed in the end; forgotten ones are removed first.

    Raises:
        ScaffoldError: `folder` can't be written.
    """
    with contextlib.ExitStack() as held:
        # Making one and clearing up exclude each other: whatever has no lock then is forgotten.
        with _lock(folder, wait=True):
            _clear_forgotten(folder)
            try:
                scratch = Path(tempfile.mkdtemp(prefix=PREFIX, dir=folder))
            except OSError as error:
                raise ScaffoldError(
                    f"cannot write in {folder}: {error.strerror}",
                    hint="choose a folder of yours, with room on its disk",
                ) from error
            held.callback(shutil.rmtree, scratch, ignore_errors=True)
            held.enter_context(_lock(scratch))
        yield scratch


@contextlib.contextmanager
def temporary() -> Iterator[Path]:
    """As `beside`, in the system's folder for temporary files.

    Raises:
        ScaffoldError: There is none that can be written.
    """
    try:
        place = Path(tempfile.gettempdir())
    except FileNotFoundError as error:
        raise ScaffoldError(
            "no folder for temporary files can be written",
            hint="set TMPDIR to a folder that you can write to, with room on its disk",
        ) from error
    with beside(place) as folder:
        yield folder


def _clear_forgotten(folder: Path) -> None:
    for found in folder.glob(f"{PREFIX}*"):
        if not found.is_symlink() and found.is_dir() and _forgotten(found):
            shutil.rmtree(found, ignore_errors=True)


def _forgotten(scratch: Path) -> bool:
    if fcntl is None:
        with contextlib.suppress(OSError):
            return time.time() - scratch.stat().st_mtime > _OLD_SECONDS
        return False
    with _lock(scratch) as locked:
        return locked


@contextlib.contextmanager
def _lock(folder: Path, *, wait: bool = False) -> Iterator[bool]:
    """Lock a folder until the context or the process ends; tell whether it is locked now."""
    try:
        handle = os.open(folder, os.O_RDONLY) if fcntl else None
    except OSError:  # gone meanwhile, or not ours to read
        handle = None
    if handle is None:
        yield False
        return
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except OSError:  # held by another, or a file system without locks
            yield False
        else:
            yield True
    finally:
        os.close(handle)
