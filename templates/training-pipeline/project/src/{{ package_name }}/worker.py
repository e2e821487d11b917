"""One run, in a process of its own: whatever happens to it, the process that started it is there.

Before the run begins, what earlier runs left behind is put in order: a run whose process died
is recorded as failed, and one that could not be sent is sent.
"""

import faulthandler
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlflow.exceptions import MlflowException
from requests import RequestException

from . import hook, logs, pipeline, runs, tracking
from .errors import EXIT_FAILED, EXIT_UNSENT, PipelineError
from .runs import Run
from .settings import Settings
from .tracking import Tracker

logger = logging.getLogger(__name__)


def work(folder: Path, settings: Settings) -> int:
    """Do a run that has been created, and everything that earlier ones left to do.

    Returns:
        Exit status: 0, EXIT_FAILED or EXIT_UNSENT.
    """
    with log_to(folder):
        tracker = tracking.connect(settings)
        try:
            reconcile(settings, tracker, but=folder)
            with tracking.watch(_begin(folder, tracker)):
                pipeline.compute(folder)
        except PipelineError as error:
            return _fail(folder, tracker, str(error))
        except Exception as error:
            logger.exception("a step went wrong")
            return _fail(folder, tracker, f"{type(error).__name__}: {error}")
        return send(folder, tracker, settings)


def reconcile(settings: Settings, tracker: Tracker, but: Path | None = None) -> list[Run]:
    """Put in order what earlier runs left behind; only while the lock is held.

    Returns:
        The runs that were dealt with, as they are now.
    """
    dealt_with = []
    for folder, run in runs.records(settings.var):
        if run.reported or folder == but:
            continue
        if run.state == "computed":
            send(folder, tracker, settings)
        else:
            if run.state == "running":
                died = runs.end(folder, "failed", f"the process died in step {run.step}")
                hook.notify(died, folder, settings)
            report_end(folder, tracker)
        dealt_with.append(runs.read(folder))
    runs.prune(settings.var, settings.keep_runs)
    return dealt_with


def send(folder: Path, tracker: Tracker, settings: Settings) -> int:
    """Publish a computed run; keep it for later if the server is lost.

    Returns:
        Exit status, see `work`.
    """
    try:
        pipeline.publish(folder, tracker)
    except Exception as error:
        run = runs.read(folder)
        if run.state == "finished":
            logger.warning("finished, but the server does not know yet: %s", error)
            return EXIT_UNSENT
        if tracking.is_lost(error) and run.attempts + 1 < settings.send_attempts:
            runs.update(folder, state="computed", attempts=run.attempts + 1)
            logger.error(  # noqa: TRY400 - a lost server is no bug to trace
                "the tracking server is lost: the run is kept and sent by the next run, or by "
                "`make sync`",
                extra={"facts": {"attempts": run.attempts + 1, "error": str(error)}},
            )
            return EXIT_UNSENT
        if not isinstance(error, PipelineError):
            logger.exception("a step went wrong")
        return _fail(folder, tracker, f"{type(error).__name__}: {error}")
    return 0


def report_end(folder: Path, tracker: Tracker) -> None:
    """Tell the tracking server how a run ended; if it does not listen, the next run does so."""
    run = runs.read(folder)
    try:
        run_id = run.run_id or tracking.begin(tracker, run)
        tracking.end(tracker, run_id, runs.update(folder, run_id=run_id), folder)
    except Exception as error:
        if not isinstance(error, MlflowException | RequestException):
            logger.exception("a run's end could not be recorded")
        logger.warning("the tracking server learns later how this ended: %s", error)
        return
    runs.update(folder, reported=True)


@contextmanager
def log_to(folder: Path) -> Iterator[None]:
    """Write all that is logged into the run's own log too, crashes of native code included."""
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


def _begin(folder: Path, tracker: Tracker) -> str | None:
    """Record the run as running, if the server is there."""
    try:
        run_id = tracking.begin(tracker, runs.read(folder))
    except Exception as error:
        if not tracking.is_lost(error):
            raise tracking.explain(error, tracker.client.tracking_uri) from error
        logger.warning("the tracking server is lost: the run goes on and is recorded later")
        return None
    runs.update(folder, run_id=run_id)
    return run_id


def _fail(folder: Path, tracker: Tracker, error: str) -> int:
    run = runs.end(folder, "failed", error)
    logger.error("failed", extra={"facts": {"step": run.step, "error": error}})
    report_end(folder, tracker)
    return EXIT_FAILED
