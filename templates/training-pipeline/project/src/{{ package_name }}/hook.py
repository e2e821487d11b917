"""Tell somebody of a failure: the owner's command gets the facts."""

import json
import logging
import subprocess
from collections.abc import Mapping
from pathlib import Path

from . import runs
from .runs import Run
from .settings import Settings

_SECONDS = 60

logger = logging.getLogger(__name__)


def notify(run: Run, folder: Path, settings: Settings) -> None:
    """Tell of a run that failed, or could not be sent."""
    facts = {
        "pipeline": run.config.name,
        "run": run.key,
        "state": run.state,
        "step": run.step,
        "error": run.error or "the tracking server is lost; the run is kept and will be sent",
        "log": str((folder / runs.LOG_FILE).resolve()),
    }
    tell(facts, settings)


def tell(facts: Mapping[str, str], settings: Settings) -> None:
    """Call the hook for failures, if there is one; should it fail too, that is only logged."""
    if not settings.on_failure:
        return
    try:
        subprocess.run(  # noqa: S602 - a shell command of the owner's is what this setting is
            settings.on_failure,
            shell=True,
            input=json.dumps(facts),
            text=True,
            check=True,
            timeout=_SECONDS,
        )
    except (OSError, subprocess.SubprocessError) as error:
        logger.error("the hook for failures failed: %s", error)  # noqa: TRY400
