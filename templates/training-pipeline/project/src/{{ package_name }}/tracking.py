"""The tracking server: every run with its inputs, results and outcome.

Each function is idempotent: it checks what is already recorded, so it can be called again after a
partial failure.
"""

import json
import logging
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import mlflow
import mlflow.onnx
import numpy as np
import onnx
import polars as pl
import requests
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor
from mlflow.types import ColSpec, Schema, TensorSpec
from mlflow.types.schema import DataType
from onnxruntime import NodeArg

from .errors import ServerUnavailableError, TrackingError
from .model import Model
from .model import load as load_model
from .runs import HELD_OUT_FILE, LOG_FILE, MODEL_FILE, TRAIN_FILE, Run
from .settings import Settings
from .split import POSITION

KEY_TAG = "pipeline.key"
STEP_TAG = "pipeline.step"
ERROR_TAG = "pipeline.error"
_TYPES: dict[str, np.dtype[Any]] = {
    "tensor(float)": np.dtype(np.float32),
    "tensor(int64)": np.dtype(np.int64),
    "tensor(string)": np.dtype(object),
}
_UNAVAILABLE = ("INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED")
_MAX_TAG = 5000
_DIGEST_LENGTH = 32
"""How many characters of the data's sha256 fit into MLflow's data set digest."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tracker:
    """A connection to the tracking server, or to the embedded database."""

    client: MlflowClient
    artifacts: str | None


def connect(settings: Settings) -> Tracker:
    """Configure MLflow; nothing is sent yet.

    MLflow's client retries requests that fail because of the server or the network, with
    exponential backoff; the settings say how often.
    """
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = str(settings.retries)
    os.environ["MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR"] = str(settings.backoff)
    os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
    os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
    mlflow.set_tracking_uri(settings.tracking_uri)
    mlflow.set_registry_uri(settings.tracking_uri)
    # MLflow warns about pip versions in conda files, which are not used here.
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    embedded = not settings.tracking_uri.startswith(("http://", "https://"))
    artifacts = settings.artifacts.resolve().as_uri() if embedded else None
    return Tracker(MlflowClient(), artifacts)


@contextmanager
def session(settings: Settings) -> Iterator[Tracker]:
    """Connect for a command, and translate MLflow's errors into clear messages.

    Raises:
        ServerUnavailableError: The server is unreachable or has an internal error.
        TrackingError: The server refuses the request.
    """
    try:
        yield connect(settings)
    except (MlflowException, requests.RequestException) as error:
        raise explain(error, settings.tracking_uri) from error


def explain(error: Exception, uri: str) -> TrackingError:
    """Translate an error of MLflow's client into a message that says what to do."""
    if is_unavailable(error):
        return ServerUnavailableError(
            f"the tracking server {uri} is unavailable: {error}\n"
            "Is it running, and is APP_TRACKING_URI correct?"
        )
    return TrackingError(f"the tracking server {uri} refused the request: {error}")


def is_unavailable(error: Exception) -> bool:
    """Distinguish a server that is down or broken from a request that it refuses."""
    if isinstance(error, MlflowException):
        return error.error_code in _UNAVAILABLE
    return isinstance(error, requests.RequestException)


def start_run(tracker: Tracker, run: Run) -> str:
    """Record that a run has started.

    Returns:
        MLflow's id of the run; if the run is already recorded, the existing id.
    """
    experiment = _experiment(tracker, run.config.name)
    found = tracker.client.search_runs(
        [experiment], f"tags.`{KEY_TAG}` = '{run.key}'", max_results=1
    )
    if found:
        return str(found[0].info.run_id)
    created = tracker.client.create_run(
        experiment,
        start_time=_milliseconds(run.started),
        run_name=f"{run.config.train.estimator}-{run.key}",
        tags={KEY_TAG: run.key} | run.tags,
    )
    return str(created.info.run_id)


@contextmanager
def monitor_system(run_id: str | None) -> Iterator[None]:
    """Record CPU, memory, disk and network usage during the context, if there is a run id.

    Samples once a second and once at the end, so that even a very short run has system metrics.
    """
    if run_id is None:
        yield
        return
    monitor = SystemMetricsMonitor(run_id, sampling_interval=1)  # type: ignore[no-untyped-call]
    monitor.start()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        monitor.finish()  # type: ignore[no-untyped-call]
        with suppress(MlflowException, requests.RequestException):  # the server may be down by now
            monitor.collect_metrics()  # type: ignore[no-untyped-call]
            last = monitor.aggregate_metrics()  # type: ignore[no-untyped-call]
            monitor.publish_metrics(last)  # type: ignore[no-untyped-call]
            monitor.mlflow_logger.flush()  # type: ignore[no-untyped-call]


def log_run(tracker: Tracker, run_id: str, run: Run, folder: Path) -> str:
    """Log the parameters, metrics, data sets, artifacts and model of a computed run.

    Returns:
        MLflow's URI of the model.
    """
    now = int(time.time() * 1000)
    tracker.client.log_batch(
        run_id,
        metrics=[Metric(name, value, now, 0) for name, value in run.metrics.items()],
        params=[Param(name, value) for name, value in run.params.items()],
        tags=[RunTag(name, value) for name, value in run.tags.items()],
    )
    datasets = [
        _dataset(run, folder / TRAIN_FILE, "training"),
        _dataset(run, folder / HELD_OUT_FILE, "evaluation"),
    ]
    tracker.client.log_inputs(run_id, datasets)
    tracker.client.log_artifacts(run_id, str(folder / "artifacts"))
    if run.model_uri:
        return run.model_uri
    mlflow.set_experiment(experiment_id=_experiment(tracker, run.config.name))
    content = (folder / MODEL_FILE).read_bytes()
    info = mlflow.onnx.log_model(
        onnx.load_from_string(content),
        name="model",
        run_id=run_id,
        signature=signature(load_model(content)),
        # Given explicitly, because MLflow takes half a minute to infer them.
        pip_requirements=[f"{name}=={metadata.version(name)}" for name in ("onnx", "onnxruntime")],
        save_as_external_data=False,
    )
    return str(info.model_uri)


def end_run(tracker: Tracker, run_id: str, run: Run, folder: Path) -> None:
    """Record how a run ended."""
    client = tracker.client
    client.set_tag(run_id, STEP_TAG, run.step)
    if run.error:
        client.set_tag(run_id, ERROR_TAG, run.error[:_MAX_TAG])
    if run.decision:
        client.log_dict(run_id, run.decision.model_dump(mode="json"), "decision.json")
    if (folder / LOG_FILE).exists():
        client.log_artifact(run_id, str(folder / LOG_FILE))
    client.set_terminated(
        run_id,
        "FINISHED" if run.state == "finished" else "FAILED",
        _milliseconds(run.ended) if run.ended else None,
    )


def signature(model: Model) -> ModelSignature:
    """Describe a model's inputs and outputs for MLflow: one (rows, 1) tensor per column."""
    inputs, outputs = model.session.get_inputs(), model.session.get_outputs()
    return ModelSignature(inputs=_tensors(inputs), outputs=_tensors(outputs))


def _tensors(nodes: Sequence[NodeArg]) -> Schema:
    return Schema([TensorSpec(_TYPES[n.type], (-1, *n.shape[1:]), n.name) for n in nodes])


def _experiment(tracker: Tracker, name: str) -> str:
    found = tracker.client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    return str(tracker.client.create_experiment(name, artifact_location=tracker.artifacts))


def _dataset(run: Run, table: Path, context: str) -> DatasetInput:
    """Describe a table for MLflow: its source, schema, size and digest."""
    frame = pl.read_parquet(table).drop(POSITION, strict=False)
    columns = [
        ColSpec(DataType.double if dtype.is_numeric() else DataType.string, name)
        for name, dtype in frame.schema.items()
    ]
    profile = {"num_rows": frame.height, "num_elements": frame.height * frame.width}
    source = {"source": run.config.data.source, "query": run.config.data.query}
    dataset = Dataset(
        name=f"{run.config.name}-{context}",
        digest=run.tags[f"data.{context}.sha256"][:_DIGEST_LENGTH],
        source_type="pipeline",
        source=json.dumps(source),
        schema=json.dumps({"mlflow_colspec": Schema([*columns]).to_dict()}),
        profile=json.dumps(profile),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", context)])


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
