"""A lock on a folder, held by one process and released by the system when that process ends."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows can't lock a folder
    fcntl = None  # type: ignore[assignment]


class Lock(Enum):
    """What came of trying to lock a folder."""

    HELD = auto()
    BUSY = auto()  # another process holds it
    UNSUPPORTED = auto()  # no locks on this system or file system, or the folder is gone


@contextmanager
def lock_folder(folder: Path, *, wait: float = 0.0) -> Iterator[Lock]:
    """Lock a folder until the context, or the process, ends.

    Args:
        folder: The folder; nothing is written in it.
        wait: For how many seconds to try again while another process holds the lock.
    """
    try:
        handle = os.open(folder, os.O_RDONLY) if fcntl else None
    except OSError:  # gone meanwhile, or not readable
        handle = None
    if handle is None:
        yield Lock.UNSUPPORTED
        return
    try:
        yield _try_lock(handle, time.monotonic() + wait)
    finally:
        os.close(handle)


def _try_lock(handle: int, until: float) -> Lock:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                return Lock.BUSY
            time.sleep(0.02)
        except OSError:  # some network file systems
            return Lock.UNSUPPORTED
        else:
            return Lock.HELD
