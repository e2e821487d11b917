"""Start runs: one at a time, in a process that is watched, with somebody told of failures."""

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

from . import hook, runs
from .config import Config
from .runs import Run
from .settings import Settings

logger = logging.getLogger(__name__)


@contextmanager
def lock(var: Path) -> Iterator[int | None]:
    """Hold the lock of this folder, if nobody else does.

    The kernel lets go of it when the last process that has it open is gone, however that went;
    so there is no stale lock to clean up.

    Yields:
        The lock's file descriptor, or nothing if somebody else holds it.
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
    """Tell whether a run is in progress."""
    with lock(var) as descriptor:
        return descriptor is None


def trigger(config: Config, settings: Settings, worker: Sequence[str] = ()) -> Run | None:
    """Run the pipeline once, unless a run is in progress.

    Args:
        config: What to do.
        settings: Where and how.
        worker: Command that does a run, to which the run's folder is added.

    Returns:
        The run as it ended, or nothing if another one is in progress.

    Raises:
        SystemExit: This process was asked to stop meanwhile; the run was stopped and recorded.
    """
    with lock(settings.var) as descriptor:
        if descriptor is None:
            logger.warning("skipped: another run is in progress")
            return None
        folder = runs.create(settings.var, config)
        command = [*(worker or worker_command()), str(folder)]
        status, asked = _watch(command, descriptor)
        run = runs.read(folder)
        if run.state == "running":
            run = _died(folder, status, settings)
    if status != 0:
        hook.notify(run, folder, settings)
    if asked is not None:
        raise SystemExit(128 + asked)  # what shells make of a process ended by a signal
    return run


def worker_command() -> tuple[str, ...]:
    """Give the command that does a run."""
    return (sys.executable, "-m", __package__ or "", "worker")


def _watch(command: Sequence[str], descriptor: int) -> tuple[int, int | None]:
    """Run the worker to its end; asked to stop, stop it first.

    The worker has the lock open as well, so that it is held even should this process be killed.

    Returns:
        The worker's exit status, and the signal by which this process was asked to stop, if any.
    """
    asked: list[int] = []
    with subprocess.Popen(command, pass_fds=[descriptor]) as process:  # noqa: S603 - our own

        def stop(number: int, _frame: FrameType | None) -> None:
            asked.append(number)
            process.send_signal(number)

        before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            return process.wait(), (asked[0] if asked else None)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _died(folder: Path, status: int, settings: Settings) -> Run:
    """Record a run whose worker is gone without a word."""
    run = runs.read(folder)
    how = f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
    run = runs.end(folder, "failed", f"the process died in step {run.step}: {how}")
    logger.error("failed", extra={"facts": {"step": run.step, "error": run.error}})
    from . import tracking, worker  # noqa: PLC0415 - seconds that only this case should cost

    worker.report_end(folder, tracking.connect(settings))
    return runs.read(folder)
