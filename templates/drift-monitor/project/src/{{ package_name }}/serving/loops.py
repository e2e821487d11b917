"""Background work that repeats until it is stopped, at intervals or when woken."""

import logging
import threading
from collections.abc import Callable

logger = logging.getLogger(__name__)

_LONGEST_PAUSE = 60.0


class Loop:
    """A thread that repeats one piece of work.

    Errors are logged, and the work is retried after a pause that doubles each time, up to a
    minute. So the monitor survives when the database is down for a while.

    Args:
        name: Name of the thread, for the log.
        work: One round; keep it short, because `stop` waits for the current round.
        seconds: Pause between rounds.
    """

    def __init__(self, name: str, work: Callable[[], object], seconds: float) -> None:
        self.last_error: str | None = None
        """The error in the last round, if any."""
        self._work = work
        self._seconds = seconds
        self._failures = 0
        self._woken = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the first round."""
        self._thread.start()

    def wake(self) -> None:
        """Start the next round without waiting for the pause to end."""
        self._woken.set()

    def stop(self) -> None:
        """Stop after the current round; return when it has finished."""
        self._stopped.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called; a long round should check this regularly."""
        return self._stopped.is_set()

    def _run(self) -> None:
        while not self.stopping:
            self._woken.clear()
            pause = self._round()
            self._woken.wait(pause)

    def _round(self) -> float:
        """Run one round and return the pause after it."""
        try:
            self._work()
        except Exception as error:
            self._failures += 1
            self.last_error = f"{type(error).__name__}: {error}"
            logger.exception("%s failed", self._thread.name)
            return min(_LONGEST_PAUSE, self._seconds * 2.0**self._failures)
        self._failures, self.last_error = 0, None
        return self._seconds
