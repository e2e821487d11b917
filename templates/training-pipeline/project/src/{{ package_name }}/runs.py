"""A run on this machine: a folder with its record, its log and all that it made.

    var/
      lock                         held while a run is in progress
      runs/<key>/record.json       what the run is, how far it came and how it ended
      runs/<key>/run.log           its log
      runs/<key>/artifacts/        what people look at: plots, model card, environment...
      runs/<key>/model.onnx, train.parquet, held_out.parquet

The record is written before and after every step, each time in one step, so whatever happens to
the process or to the tracking server, the folder says what is left to do.
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
    """A run.

    Attributes:
        key: Its name: when it started, and a few random digits.
        started: When it started.
        config: What it does.
        state: `running`; `computed` when only the tracking server is missing; or how it ended.
        reported: Whether the tracking server knows how it ended.
        step: The step it is in, or was in when it ended.
        attempts: How often it was tried to send a computed run.
        ended: When it ended.
        error: Why it failed.
        params: What goes in, for tracking.
        metrics: What comes out.
        tags: Where data and code come from.
        sha256: Digest of the model.
        run_id: MLflow's name for the run.
        model_uri: MLflow's name for the model.
        version: Its version in the registry.
        decision: What the gate said.
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
    """Make the folder of a new run."""
    started = datetime.now(UTC)
    key = f"{started:%Y%m%dT%H%M%S-%f}-{secrets.token_hex(2)}"
    folder = var / "runs" / key
    (folder / "artifacts").mkdir(parents=True)
    _write(folder, Run(key=key, started=started, config=config))
    return folder


def read(folder: Path) -> Run:
    """Read a run's record.

    Raises:
        PipelineError: There is none, or it is damaged.
    """
    try:
        return Run.model_validate_json((folder / RECORD_FILE).read_bytes())
    except (OSError, ValidationError) as error:
        raise PipelineError(f"cannot read the record of run {folder.name}: {error}") from error


def update(folder: Path, **changes: Any) -> Run:
    """Change some of a run's record and write it, in one step."""
    run = read(folder).model_copy(update=changes)
    _write(folder, run)
    return run


def end(folder: Path, state: State, error: str | None = None) -> Run:
    """Note how a run ended."""
    return update(folder, state=state, error=error, ended=datetime.now(UTC))


def folders(var: Path) -> list[Path]:
    """List the runs on this machine, oldest first."""
    return sorted(path.parent for path in (var / "runs").glob(f"*/{RECORD_FILE}"))


def records(var: Path) -> list[tuple[Path, Run]]:
    """Read all records, oldest first; one that is damaged is logged and left out."""
    found = []
    for folder in folders(var):
        try:
            found.append((folder, read(folder)))
        except PipelineError as error:
            logger.error("%s", error)  # noqa: TRY400 - the message says it all
    return found


def prune(var: Path, keep: int) -> None:
    """Remove the oldest runs beyond `keep` that the tracking server knows all about."""
    done = [folder for folder, run in records(var) if run.reported]
    for folder in done[: max(0, len(done) - keep)]:
        shutil.rmtree(folder)


def _write(folder: Path, run: Run) -> None:
    handle, name = tempfile.mkstemp(prefix=".record-", dir=folder)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(run.model_dump_json(indent=2) + "\n")
        file.flush()
        os.fsync(file.fileno())
    Path(name).replace(folder / RECORD_FILE)
