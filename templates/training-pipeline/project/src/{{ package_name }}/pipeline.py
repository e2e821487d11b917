"""The steps of a run, in order. The first five need no tracking server, the last three do."""

import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from . import card, plots, provenance, registry, runs, tracking
from . import contract as contracts
from .config import Config
from .contract import Contract
from .evaluate import Evaluation, evaluate, slices
from .ingest import digest, ingest
from .model import Model, check_parity, export, load, predict
from .promotion import decide_promotion, is_current
from .split import POSITION, Split, split
from .tracking import Tracker
from .train import Fitted, encode_target, fit, labels
from .validate import validate

STEPS = (
    "ingest",
    "validate",
    "split",
    "train",
    "evaluate",
    "track",
    "register",
    "promote",
)

logger = logging.getLogger(__name__)


@contextmanager
def step(folder: Path, name: str) -> Iterator[None]:
    """Record that a step has started, and log how long it took."""
    runs.update(folder, step=name)
    logger.info("started", extra={"facts": {"step": name}})
    start = time.perf_counter()
    yield
    seconds = round(time.perf_counter() - start, 3)
    logger.info("done", extra={"facts": {"step": name, "seconds": seconds}})


def compute(folder: Path) -> None:
    """Execute the steps that need no server and leave their results in the run's folder.

    Raises:
        PipelineError: The data, the configuration or the model is invalid.
    """
    config = runs.read(folder).config
    with step(folder, "ingest"):
        raw = ingest(config.data)
    with step(folder, "validate"):
        contract = contracts.load(config.data.contract)
        table = validate(raw, contract)
    with step(folder, "split"):
        rows = split(table, contract, config.split.held_out)
        rows.train.write_parquet(folder / runs.TRAIN_FILE)
        held_out = rows.held_out.with_columns(pl.Series(POSITION, rows.positions))
        held_out.write_parquet(folder / runs.HELD_OUT_FILE)
    with step(folder, "train"):
        fitted = fit(rows.train, contract, config)
        content = export(fitted.pipeline, contract, config.task, config.split.held_out)
        (folder / runs.MODEL_FILE).write_bytes(content)
    with step(folder, "evaluate"):
        model = load(content)
        difference = check_parity(model, fitted.pipeline, rows.held_out, contract)
        evaluation = _evaluate_model(model, rows, contract, folder)
        loss = config.gate.loss
        cv_metrics = {f"cv_{loss}": fitted.cv_loss, f"cv_{loss}_std": fitted.cv_std}
        runs.update(
            folder,
            params=_params(config, fitted),
            metrics=evaluation.metrics | cv_metrics | {"onnx_max_difference": difference},
            tags=_tags(table, rows, contract),
            sha256=model.sha256,
        )
        _write_artifacts(folder, contract, fitted)
    runs.update(folder, state="computed")


def publish(folder: Path, tracker: Tracker) -> None:
    """Record a computed run, register its model, and promote it if the gate accepts it.

    If the server becomes unavailable on the way, it is safe to call this again.
    """
    run = runs.update(folder, state="running")
    with step(folder, "track"):
        run_id = run.run_id or tracking.start_run(tracker, run)
        run = runs.update(folder, run_id=run_id)
        run = runs.update(folder, model_uri=tracking.log_run(tracker, run_id, run, folder))
    with step(folder, "register"):
        model_card = (folder / "artifacts" / "MODEL_CARD.md").read_text(encoding="utf-8")
        version = registry.register(tracker, run_id, run, str(run.model_uri), model_card)
        run = runs.update(folder, version=version)
    with step(folder, "promote"):
        decision = run.decision
        if decision is None or not is_current(run, tracker):
            decision = decide_promotion(folder, tracker)
            runs.update(folder, decision=decision)
        registry.record_decision(tracker, run.config.name, version, decision)
        if decision.promote:
            registry.promote(tracker, run.config.name, version)
    run = runs.end(folder, "finished")
    tracking.end_run(tracker, run_id, run, folder)
    runs.update(folder, reported=True)


def _evaluate_model(model: Model, rows: Split, contract: Contract, folder: Path) -> Evaluation:
    config = runs.read(folder).config
    truth = encode_target(rows.held_out[contract.target], contract, config.task)
    evaluation = evaluate(truth, predict(model, rows.held_out), config.task, config.gate.loss)
    if config.task == "classification":
        plots.classification(folder / "artifacts", truth, evaluation.prediction, labels(contract))
    else:
        plots.regression(folder / "artifacts", truth, evaluation.prediction)
    by_slice = {
        name: {"rows": int(mask.sum()), config.gate.loss: float(evaluation.losses[mask].mean())}
        for name, mask in slices(rows.held_out, config.gate.slices, rows.train).items()
        if mask.any()
    }
    _write_json(folder / "artifacts" / "slices.json", by_slice)
    return evaluation


def _params(config: Config, fitted: Fitted) -> dict[str, str]:
    return {
        "task": config.task,
        "seed": str(config.seed),
        "estimator": config.train.estimator,
        "folds": str(config.train.folds),
        "held_out": str(config.split.held_out),
        "search.trials": str(config.search.trials),
        **{f"estimator.{name}": str(value) for name, value in fitted.params.items()},
    }


def _tags(table: pl.DataFrame, rows: Split, contract: Contract) -> dict[str, str]:
    return {
        "data.sha256": digest(table),
        "data.training.sha256": digest(rows.train),
        "data.evaluation.sha256": digest(rows.held_out),
        "data.target": contract.target,
        "data.rows.train": str(rows.train.height),
        "data.rows.held_out": str(rows.held_out.height),
        **provenance.code_tags(),
    }


def _write_artifacts(folder: Path, contract: Contract, fitted: Fitted) -> None:
    """Write the run's inputs and results as files that people can read."""
    run, artifacts = runs.read(folder), folder / "artifacts"
    _write_json(artifacts / "config.json", run.config.model_dump(mode="json"))
    _write_json(artifacts / "environment.json", provenance.environment())
    if fitted.trials:
        trials = [{"loss": trial.loss, "params": trial.params} for trial in fitted.trials]
        _write_json(artifacts / "search.json", trials)
    (artifacts / "contract.yaml").write_text(contracts.dump(contract), encoding="utf-8")
    (artifacts / "MODEL_CARD.md").write_text(card.render(run, contract), encoding="utf-8")


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
