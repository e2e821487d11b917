"""Start runs: one at a time, each in a supervised process, with a notification on failure."""

import fcntl
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from . import notify, runs
from .config import Config
from .runs import Run
from .settings import Settings

logger = logging.getLogger(__name__)


@contextmanager
def lock(var: Path) -> Iterator[int | None]:
    """Acquire the lock of this folder, unless another process holds it.

    The kernel releases the lock when the last process that has it open exits, for whatever reason.
    So there is never a stale lock to clean up.

    Yields:
        The lock's file descriptor, or `None` if another process holds the lock.
    """
    var.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(var / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield descriptor
    finally:
        os.close(descriptor)


def in_progress(var: Path) -> bool:
    """Check whether a run is in progress."""
    with lock(var) as descriptor:
        return descriptor is None


def trigger(config: Config, settings: Settings, worker: Sequence[str] = ()) -> Run | None:
    """Run the pipeline once, unless a run is in progress.

    Args:
        config: Configuration of the run.
        settings: Settings of this machine.
        worker: Command that executes a run; the run's folder is appended.

    Returns:
        The run after it ended, or `None` if another run is in progress.

    Raises:
        SystemExit: This process received a signal to stop; the run was stopped and recorded.
    """
    with lock(settings.var) as descriptor:
        if descriptor is None:
            logger.warning("skipped: another run is in progress")
            return None
        folder = runs.create(settings.var, config)
        command = [*(worker or worker_command()), str(folder)]
        status, stop_signal = _supervise(command, descriptor)
        run = runs.read(folder)
        if run.state == "running":
            run = _record_death(folder, status, settings)
    if status != 0:
        notify.on_failure(run, folder, settings)
    if stop_signal is not None:
        raise SystemExit(128 + stop_signal)  # the exit status shells report for a signal
    return run


def worker_command() -> tuple[str, ...]:
    """Return the command that executes a run."""
    return (sys.executable, "-m", __package__ or "", "worker")


def _supervise(command: Sequence[str], descriptor: int) -> tuple[int, int | None]:
    """Run the worker until it exits, and forward signals to stop to it.

    The worker inherits the lock, so the lock is held even if this process is killed.

    Returns:
        The worker's exit status, and the signal to stop that this process received, if any.
    """
    received: list[int] = []
    with subprocess.Popen(command, pass_fds=[descriptor]) as process:  # noqa: S603 - our own

        def forward(number: int, _frame: FrameType | None) -> None:
            received.append(number)
            process.send_signal(number)

        previous = {
            number: signal.signal(number, forward) for number in (signal.SIGTERM, signal.SIGINT)
        }
        try:
            return process.wait(), (received[0] if received else None)
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)


def _record_death(folder: Path, status: int, settings: Settings) -> Run:
    """Record as failed a run whose worker exited without recording its end."""
    run = runs.read(folder)
    cause = f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
    run = runs.end(folder, "failed", f"the process died in step {run.step}: {cause}")
    logger.error("failed", extra={"facts": {"step": run.step, "error": run.error}})
    from . import tracking, worker  # noqa: PLC0415 - they take seconds to import

    worker.report_end(folder, tracking.connect(settings))
    return runs.read(folder)
