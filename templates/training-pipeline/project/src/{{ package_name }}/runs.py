"""A run on this machine: a folder with its record, its log and its results.

    var/
      lock                         held while a run is in progress
      runs/<key>/record.json       the run's configuration, progress and outcome
      runs/<key>/run.log           its log
      runs/<key>/artifacts/        files for people: plots, model card, environment...
      runs/<key>/model.onnx, train.parquet, held_out.parquet

The record is replaced atomically at every step. Whatever happens to the process or to the tracking
server, the folder shows what remains to be done.
"""

import logging
import os
import secrets
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from .config import Config, Record
from .decision import Decision
from .errors import PipelineError

RECORD_FILE = "record.json"
LOG_FILE = "run.log"
MODEL_FILE = "model.onnx"
TRAIN_FILE = "train.parquet"
HELD_OUT_FILE = "held_out.parquet"

logger = logging.getLogger(__name__)

State = Literal["running", "computed", "finished", "failed"]


class Run(Record):
    """The record of a run.

    Attributes:
        key: Unique name: the start time and a few random digits.
        started: Start time.
        config: Configuration.
        state: `running`; `computed` when it still has to be sent to the tracking server;
            `finished` or `failed`.
        reported: Whether the tracking server has recorded the run's end.
        step: Current step, or the last one.
        attempts: Number of failed attempts to send a computed run.
        ended: End time.
        error: Why it failed.
        params: Parameters to track.
        metrics: Metrics to track.
        tags: Provenance of data and code.
        sha256: Digest of the model.
        run_id: MLflow's id of the run.
        model_uri: MLflow's URI of the model.
        version: Version in the model registry.
        decision: The gate's decision.
    """

    key: str
    started: datetime
    config: Config
    state: State = "running"
    reported: bool = False
    step: str = "start"
    attempts: int = 0
    ended: datetime | None = None
    error: str | None = None
    params: dict[str, str] = Field(default_factory=dict)
    metrics: dict[str, float] = Field(default_factory=dict)
    tags: dict[str, str] = Field(default_factory=dict)
    sha256: str | None = None
    run_id: str | None = None
    model_uri: str | None = None
    version: str | None = None
    decision: Decision | None = None


def create(var: Path, config: Config) -> Path:
    """Create the folder of a new run."""
    started = datetime.now(UTC)
    key = f"{started:%Y%m%dT%H%M%S-%f}-{secrets.token_hex(2)}"
    folder = var / "runs" / key
    (folder / "artifacts").mkdir(parents=True)
    _write(folder, Run(key=key, started=started, config=config))
    return folder


def read(folder: Path) -> Run:
    """Read a run's record.

    Raises:
        PipelineError: The record is missing or damaged.
    """
    try:
        return Run.model_validate_json((folder / RECORD_FILE).read_bytes())
    except (OSError, ValidationError) as error:
        raise PipelineError(f"cannot read the record of run {folder.name}: {error}") from error


def update(folder: Path, **changes: Any) -> Run:
    """Update fields of a run's record and replace it atomically."""
    run = read(folder).model_copy(update=changes)
    _write(folder, run)
    return run


def end(folder: Path, state: State, error: str | None = None) -> Run:
    """Record a run's final state."""
    return update(folder, state=state, error=error, ended=datetime.now(UTC))


def folders(var: Path) -> list[Path]:
    """List the folders of the runs on this machine, oldest first."""
    return sorted(path.parent for path in (var / "runs").glob(f"*/{RECORD_FILE}"))


def records(var: Path) -> list[tuple[Path, Run]]:
    """Read all records, oldest first; damaged ones are logged and skipped."""
    found = []
    for folder in folders(var):
        try:
            found.append((folder, read(folder)))
        except PipelineError as error:
            logger.error("%s", error)  # noqa: TRY400 - the message is enough
    return found


def prune(var: Path, keep: int) -> None:
    """Remove the oldest fully recorded runs, keeping the newest `keep` of them."""
    reported = [folder for folder, run in records(var) if run.reported]
    for folder in reported[: max(0, len(reported) - keep)]:
        shutil.rmtree(folder)


def _write(folder: Path, run: Run) -> None:
    handle, name = tempfile.mkstemp(prefix=".record-", dir=folder)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(run.model_dump_json(indent=2) + "\n")
        file.flush()
        os.fsync(file.fileno())
    Path(name).replace(folder / RECORD_FILE)
