"""Work in the background: again and again, at once when woken, until told to stop."""

import logging
import threading
from collections.abc import Callable

logger = logging.getLogger(__name__)

_LONGEST_PAUSE = 60.0


class Loop:
    """A thread that does one thing over and over.

    What goes wrong is logged and tried again after a pause that grows, up to a minute:
    a database that is away for a while must not end the monitor.

    Args:
        name: Of the thread, for the log.
        work: One round; it should be short, for a stop waits for the round under way.
        seconds: Pause between rounds.
    """

    def __init__(self, name: str, work: Callable[[], object], seconds: float) -> None:
        self.trouble: str | None = None
        """What went wrong in the last round, if anything."""
        self._work = work
        self._seconds = seconds
        self._failures = 0
        self._woken = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin with the first round."""
        self._thread.start()

    def wake(self) -> None:
        """Begin the next round now."""
        self._woken.set()

    def stop(self) -> None:
        """End after the round under way; returns when it has ended."""
        self._stopped.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop: a long round should look now and then."""
        return self._stopped.is_set()

    def _run(self) -> None:
        while not self.stopping:
            self._woken.clear()
            pause = self._round()
            self._woken.wait(pause)

    def _round(self) -> float:
        """One round; gives the pause after it."""
        try:
            self._work()
        except Exception as error:
            self._failures += 1
            self.trouble = f"{type(error).__name__}: {error}"
            logger.exception("%s failed", self._thread.name)
            return min(_LONGEST_PAUSE, self._seconds * 2.0**self._failures)
        self._failures, self.trouble = 0, None
        return self._seconds
