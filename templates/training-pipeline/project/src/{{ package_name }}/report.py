"""An HTML page with the latest runs and a comparison of champion and challenger."""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import mlflow.artifacts
from jinja2 import Environment, PackageLoader
from mlflow.entities import Run as MlflowRun
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from . import registry
from .config import Config
from .tracking import ERROR_TAG, STEP_TAG, Tracker

MAX_RUNS = 30
PLOTS = ("confusion.png", "calibration.png", "predicted.png", "residuals.png")


@dataclass(frozen=True, slots=True)
class RunRow:
    """One row of the table of runs."""

    name: str
    started: str
    seconds: float | None
    status: str
    loss: float | None
    version: str
    decision: str
    reason: str


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """The champion or the challenger: its metrics, and its plots as data URLs."""

    role: str
    version: str
    estimator: str
    commit: str
    rows: str
    metrics: dict[str, float]
    plots: dict[str, str]


def write(config: Config, tracker: Tracker, output: Path) -> None:
    """Write the page as one self-contained file."""
    output.write_text(render(config, tracker), encoding="utf-8")


def render(config: Config, tracker: Tracker) -> str:
    """Render the page."""
    experiment = tracker.client.get_experiment_by_name(config.name)
    found = (
        tracker.client.search_runs([experiment.experiment_id], max_results=MAX_RUNS)
        if experiment
        else []
    )
    versions = {
        version.run_id: version
        for version in tracker.client.search_model_versions(f"name = '{config.name}'")
    }
    models = [
        _summarize(tracker, role, version)
        for role in (registry.CHAMPION, registry.CHALLENGER)
        if (version := registry.find(tracker, config.name, role)) is not None
    ]
    page = Environment(
        loader=PackageLoader(__package__ or "", "pages"), autoescape=True, trim_blocks=True
    ).get_template("report.html")
    return page.render(
        name=config.name,
        loss=config.gate.loss,
        generated=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        rows=[_row(run, versions.get(run.info.run_id), config.gate.loss) for run in found],
        models=models,
        metrics=sorted({name for model in models for name in model.metrics}),
        decision=_latest_decision(found),
    )


def _row(run: MlflowRun, version: ModelVersion | None, loss: str) -> RunRow:
    started = datetime.fromtimestamp(run.info.start_time / 1000, UTC)
    ended = run.info.end_time
    tags = {} if version is None else version.tags
    error = run.data.tags.get(ERROR_TAG, "")
    return RunRow(
        name=run.info.run_name,
        started=f"{started:%Y-%m-%d %H:%M:%S}",
        seconds=(ended - run.info.start_time) / 1000 if ended else None,
        status=run.info.status.lower(),
        loss=run.data.metrics.get(loss),
        version="" if version is None else str(version.version),
        decision=tags.get("gate", f"in {run.data.tags.get(STEP_TAG, '?')}" if error else ""),
        reason=error or tags.get("gate.reasons", ""),
    )


def _summarize(tracker: Tracker, role: str, version: ModelVersion) -> ModelSummary:
    run = tracker.client.get_run(str(version.run_id))
    metrics = {k: v for k, v in run.data.metrics.items() if not k.startswith("system/")}
    return ModelSummary(
        role=role,
        version=str(version.version),
        estimator=run.data.params.get("estimator", "?"),
        commit=run.data.tags.get("mlflow.source.git.commit", "")[:12],
        rows=run.data.tags.get("data.rows.train", "?"),
        metrics=metrics,
        plots=_plots(tracker, str(version.run_id)),
    )


def _plots(tracker: Tracker, run_id: str) -> dict[str, str]:
    artifacts = {item.path for item in tracker.client.list_artifacts(run_id)}
    plots = {}
    for name in PLOTS:
        if name in artifacts:
            path = mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path=name)
            content = base64.b64encode(Path(path).read_bytes()).decode()
            plots[name.removesuffix(".png")] = f"data:image/png;base64,{content}"
    return plots


def _latest_decision(found: list[MlflowRun]) -> dict[str, Any] | None:
    """Find the gate's latest decision, and the run it belongs to."""
    for run in found:
        try:
            path = mlflow.artifacts.download_artifacts(
                run_id=run.info.run_id, artifact_path="decision.json"
            )
        except (MlflowException, OSError):
            continue
        decision: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
        return decision | {"run": run.info.run_name}
    return None
