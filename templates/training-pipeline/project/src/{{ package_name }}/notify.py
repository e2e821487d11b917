"""Failure notifications: run the shell command in `APP_ON_FAILURE` with the facts as JSON."""

import json
import logging
import subprocess
from collections.abc import Mapping
from pathlib import Path

from . import runs
from .runs import Run
from .settings import Settings

_TIMEOUT_SECONDS = 60

logger = logging.getLogger(__name__)


def on_failure(run: Run, folder: Path, settings: Settings) -> None:
    """Notify about a run that failed or could not be sent to the tracking server."""
    facts = {
        "pipeline": run.config.name,
        "run": run.key,
        "state": run.state,
        "step": run.step,
        "error": run.error or "the tracking server is unavailable; the run is kept and sent later",
        "log": str((folder / runs.LOG_FILE).resolve()),
    }
    run_command(facts, settings)


def run_command(facts: Mapping[str, str], settings: Settings) -> None:
    """Run the failure command, if one is configured; if it fails, that is only logged."""
    if not settings.on_failure:
        return
    try:
        subprocess.run(  # noqa: S602 - the setting is a shell command by design
            settings.on_failure,
            shell=True,
            input=json.dumps(facts),
            text=True,
            check=True,
            timeout=_TIMEOUT_SECONDS,
        )
    except (OSError, subprocess.SubprocessError) as error:
        logger.error("the failure command failed: %s", error)  # noqa: TRY400
