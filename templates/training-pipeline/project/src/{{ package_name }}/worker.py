"""Executes one run in its own process, so that its parent can record a crash.

First it cleans up after earlier runs: a run whose process died is recorded as failed, and a run
that could not be sent is sent.
"""

import faulthandler
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlflow.exceptions import MlflowException
from requests import RequestException

from . import logs, notify, pipeline, runs, tracking
from .errors import EXIT_FAILED, EXIT_UNSENT, PipelineError
from .runs import Run
from .settings import Settings
from .tracking import Tracker

logger = logging.getLogger(__name__)


def execute(folder: Path, settings: Settings) -> int:
    """Execute a created run, after cleaning up earlier ones.

    Returns:
        Exit status: 0, EXIT_FAILED or EXIT_UNSENT.
    """
    with log_to(folder):
        tracker = tracking.connect(settings)
        try:
            reconcile(settings, tracker, exclude=folder)
            with tracking.monitor_system(_start_tracking(folder, tracker)):
                pipeline.compute(folder)
        except PipelineError as error:
            return _fail(folder, tracker, str(error))
        except Exception as error:
            logger.exception("a step failed")
            return _fail(folder, tracker, f"{type(error).__name__}: {error}")
        return send(folder, tracker, settings)


def reconcile(settings: Settings, tracker: Tracker, exclude: Path | None = None) -> list[Run]:
    """Record or send earlier runs that are not fully recorded. The caller must hold the lock.

    Returns:
        The updated records of these runs.
    """
    reconciled = []
    for folder, run in runs.records(settings.var):
        if run.reported or folder == exclude:
            continue
        if run.state == "computed":
            send(folder, tracker, settings)
        else:
            if run.state == "running":
                died = runs.end(folder, "failed", f"the process died in step {run.step}")
                notify.on_failure(died, folder, settings)
            report_end(folder, tracker)
        reconciled.append(runs.read(folder))
    runs.prune(settings.var, settings.keep_runs)
    return reconciled


def send(folder: Path, tracker: Tracker, settings: Settings) -> int:
    """Publish a computed run; if the server is unavailable, keep the run for later.

    Returns:
        Exit status; see `execute`.
    """
    try:
        pipeline.publish(folder, tracker)
    except Exception as error:
        run = runs.read(folder)
        if run.state == "finished":
            logger.warning("finished, but the server has not recorded it yet: %s", error)
            return EXIT_UNSENT
        if tracking.is_unavailable(error) and run.attempts + 1 < settings.send_attempts:
            runs.update(folder, state="computed", attempts=run.attempts + 1)
            logger.error(  # noqa: TRY400 - an unavailable server needs no traceback
                "the tracking server is unavailable: the run is kept, and the next run or "
                "`make sync` sends it",
                extra={"facts": {"attempts": run.attempts + 1, "error": str(error)}},
            )
            return EXIT_UNSENT
        if not isinstance(error, PipelineError):
            logger.exception("a step failed")
        return _fail(folder, tracker, f"{type(error).__name__}: {error}")
    return 0


def report_end(folder: Path, tracker: Tracker) -> None:
    """Record a run's end on the tracking server; if that fails, the next run tries again."""
    run = runs.read(folder)
    try:
        run_id = run.run_id or tracking.start_run(tracker, run)
        tracking.end_run(tracker, run_id, runs.update(folder, run_id=run_id), folder)
    except Exception as error:
        if not isinstance(error, MlflowException | RequestException):
            logger.exception("a run's end could not be recorded")
        logger.warning("the run's end will be recorded later: %s", error)
        return
    runs.update(folder, reported=True)


@contextmanager
def log_to(folder: Path) -> Iterator[None]:
    """Also write the log to the run's folder, including crashes of native code."""
    with (folder / runs.LOG_FILE).open("a", encoding="utf-8") as file:
        handler = logging.StreamHandler(file)
        handler.setFormatter(logs.formatter("json"))
        logging.getLogger().addHandler(handler)
        faulthandler.enable(file)
        try:
            yield
        finally:
            logging.getLogger().removeHandler(handler)
            faulthandler.disable()


def _start_tracking(folder: Path, tracker: Tracker) -> str | None:
    """Record the run as running, if the server is available."""
    try:
        run_id = tracking.start_run(tracker, runs.read(folder))
    except Exception as error:
        if not tracking.is_unavailable(error):
            raise tracking.explain(error, tracker.client.tracking_uri) from error
        logger.warning("the tracking server is unavailable: the run continues, recorded later")
        return None
    runs.update(folder, run_id=run_id)
    return run_id


def _fail(folder: Path, tracker: Tracker, error: str) -> int:
    run = runs.end(folder, "failed", error)
    logger.error("failed", extra={"facts": {"step": run.step, "error": error}})
    report_end(folder, tracker)
    return EXIT_FAILED
