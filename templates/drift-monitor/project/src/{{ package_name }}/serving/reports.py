"""Evidently's reports of windows: made when somebody wants to see one, then kept."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from ..web.problems import Problem

logger = logging.getLogger(__name__)


class Reports:
    """Has each report made once, one after the other: a report takes seconds and much memory.

    Args:
        folder: Where reports are kept.
        write: Makes the report of a window in a folder, and gives its path.
    """

    def __init__(self, folder: Path, write: Callable[[int, Path], Path]) -> None:
        self._folder = folder
        self._write = write
        self._lock = threading.Lock()
        self._made: dict[int, Path] = {}
        self._failed: dict[int, str] = {}
        self._busy: threading.Thread | None = None

    def get(self, number: int) -> Path | None:
        """The report of a window, or `None` while it is being made.

        Raises:
            Problem: 500 if it could not be made; the next call tries again.
        """
        with self._lock:
            if (reason := self._failed.pop(number, None)) is not None:
                raise Problem(500, f"The report could not be made: {reason}")
            made = self._made.get(number)
            if made is not None and made.exists():
                return made
            if self._busy is None:
                self._busy = threading.Thread(
                    target=self._make, args=(number,), name="report", daemon=True
                )
                self._busy.start()
            return None

    def _make(self, number: int) -> None:
        try:
            made = self._write(number, self._folder)
        except Exception as error:
            logger.exception("report failed", extra={"facts": {"window": number}})
            with self._lock:
                self._failed[number] = f"{type(error).__name__}: {error}"
        else:
            with self._lock:
                self._made[number] = made
        finally:
            with self._lock:
                self._busy = None
