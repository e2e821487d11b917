"""Evidently reports for windows: created on demand, then cached."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from ..web.problems import Problem

logger = logging.getLogger(__name__)


class Reports:
    """Creates each report once, and only one at a time: a report takes seconds and much memory.

    Args:
        folder: Where reports are cached.
        write: Writes the report of a window to a folder and returns its path.
    """

    def __init__(self, folder: Path, write: Callable[[int, Path], Path]) -> None:
        self._folder = folder
        self._write = write
        self._lock = threading.Lock()
        self._written: dict[int, Path] = {}
        self._failed: dict[int, str] = {}
        self._worker: threading.Thread | None = None

    def get(self, number: int) -> Path | None:
        """The report of a window, or `None` while it is being created.

        Raises:
            Problem: 500 if it could not be created; the next call retries.
        """
        with self._lock:
            if (reason := self._failed.pop(number, None)) is not None:
                raise Problem(500, f"The report could not be created: {reason}")
            report = self._written.get(number)
            if report is not None and report.exists():
                return report
            if self._worker is None:
                self._worker = threading.Thread(
                    target=self._create, args=(number,), name="report", daemon=True
                )
                self._worker.start()
            return None

    def _create(self, number: int) -> None:
        try:
            report = self._write(number, self._folder)
        except Exception as error:
            logger.exception("report failed", extra={"facts": {"window": number}})
            with self._lock:
                self._failed[number] = f"{type(error).__name__}: {error}"
        else:
            with self._lock:
                self._written[number] = report
        finally:
            with self._lock:
                self._worker = None
