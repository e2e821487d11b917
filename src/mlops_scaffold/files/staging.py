"""Scratch folders: beside a target, for what one rename moves into place, and for temporary files.

A process holds a lock on its scratch folder for as long as it lives. So the folder of a killed run
can be told from one in use, and the next run removes it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_scaffold.errors import ScaffoldError
from mlops_scaffold.files.lock import Lock, lock_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = ".mlops-scaffold-scratch-"
TEMPORARY_PREFIX = "mlops-scaffold-scratch-"
_OLD_SECONDS = 3600.0  # where there are no locks
_PATIENCE_SECONDS = 5.0
_SCARCE_BYTES = 1024 * 1024
_ELSEWHERE = "set TMPDIR to a folder that you can write to, with room on its disk"
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}


class NoScratchError(ScaffoldError):
    """A scratch folder can't be made, or there is no room left in it."""


@contextlib.contextmanager
def beside(folder: Path) -> Iterator[Path]:
    """A new hidden scratch folder in `folder`, on the same file system.

    It is removed at the end; those of killed runs are removed first.

    Raises:
        NoScratchError: `folder` can't be written.
    """
    with contextlib.ExitStack() as held:
        try:
            scratch = _make(folder, PREFIX, held)
        except OSError as error:
            raise NoScratchError(
                f"cannot write in {folder}: {error.strerror}",
                hint="choose a folder that you can write to, with room on its disk",
            ) from error
        yield scratch


@contextlib.contextmanager
def temporary() -> Iterator[Path]:
    """As `beside`, in the system's folder for temporary files.

    Raises:
        NoScratchError: There is none that can be written, or its disk is full.
    """
    with contextlib.ExitStack() as held:
        place = _temporary_root()
        try:
            yield _make(place, TEMPORARY_PREFIX, held)
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            raise _no_temporary(place, error.strerror) from error
        except ScaffoldError as error:
            if _is_full(place):  # then that is why git, or whatever it was, failed
                full = f"there is almost no room left in {place}: {_ELSEWHERE}"
                error.hint = f"{error.hint}; {full}" if error.hint else full
            raise


def _make(folder: Path, prefix: str, held: contextlib.ExitStack) -> Path:
    # Making one and clearing up exclude each other: a folder without a lock is then a leftover.
    with lock_folder(folder, wait=_PATIENCE_SECONDS) as state:
        if state is not Lock.BUSY:
            _clear_leftovers(folder, prefix)
        scratch = Path(tempfile.mkdtemp(prefix=prefix, dir=folder))
        held.callback(shutil.rmtree, scratch, ignore_errors=True)
        held.enter_context(lock_folder(scratch))
    return scratch


def _clear_leftovers(folder: Path, prefix: str) -> None:
    for found in folder.glob(f"{prefix}*"):
        if not found.is_symlink() and found.is_dir() and _left_over(found):
            shutil.rmtree(found, ignore_errors=True)


def _left_over(scratch: Path) -> bool:
    with lock_folder(scratch) as state:
        if state is not Lock.UNSUPPORTED:
            return state is Lock.HELD
    with contextlib.suppress(OSError):
        return time.time() - scratch.stat().st_mtime > _OLD_SECONDS
    return False


def _temporary_root() -> Path:
    try:
        place = Path(tempfile.gettempdir())
    except FileNotFoundError as error:
        raise _no_temporary(Path(os.environ.get("TMPDIR", "/tmp")), None) from error  # noqa: S108
    if place == Path(os.path.abspath(os.curdir)):  # noqa: PTH100  # Python's last resort
        raise _no_temporary(Path(os.environ.get("TMPDIR", "/tmp")), None)  # noqa: S108
    return place


def _no_temporary(place: Path, reason: str | None) -> NoScratchError:
    why = f": {reason}" if reason else ""
    return NoScratchError(
        f"cannot write temporary files in {place}{why}",
        hint=_ELSEWHERE,
    )


def _is_full(place: Path) -> bool:
    with contextlib.suppress(OSError):
        return shutil.disk_usage(place).free < _SCARCE_BYTES
    return False
