"""The steps of a run, in order. The first six need no server, the last three are its business."""

import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from . import card, contract, plots, provenance, registry, runs, tracking
from .config import Config
from .contract import Contract
from .evaluate import Evaluation, evaluate, slices
from .ingest import digest, ingest
from .judge import judge, still_stands
from .model import Model, check_parity, export, load, predict
from .split import POSITION, Split, split
from .tracking import Tracker
from .train import Fitted, encode, fit, labels
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
    """Note that a step begins, and when it is over how long it took."""
    runs.update(folder, step=name)
    logger.info("begins", extra={"facts": {"step": name}})
    start = time.perf_counter()
    yield
    seconds = round(time.perf_counter() - start, 3)
    logger.info("done", extra={"facts": {"step": name, "seconds": seconds}})


def compute(folder: Path) -> None:
    """Do all that needs no server; afterwards the folder holds what the rest needs.

    Raises:
        PipelineError: Data, configuration or model are not as they should be.
    """
    config = runs.read(folder).config
    with step(folder, "ingest"):
        raw = ingest(config.data)
    with step(folder, "validate"):
        agreed = contract.load(config.data.contract)
        table = validate(raw, agreed)
    with step(folder, "split"):
        parts = split(table, agreed, config.split.held_out)
        parts.train.write_parquet(folder / runs.TRAIN_FILE)
        held_out = parts.held_out.with_columns(pl.Series(POSITION, parts.positions))
        held_out.write_parquet(folder / runs.HELD_OUT_FILE)
    with step(folder, "train"):
        fitted = fit(parts.train, agreed, config)
        content = export(fitted.pipeline, agreed, config.task, config.split.held_out)
        (folder / runs.MODEL_FILE).write_bytes(content)
    with step(folder, "evaluate"):
        model = load(content)
        difference = check_parity(model, fitted.pipeline, parts.held_out, agreed)
        measured = _measure(model, parts, agreed, folder)
        loss = config.gate.loss
        cross = {f"cv_{loss}": fitted.cv_loss, f"cv_{loss}_std": fitted.cv_std}
        runs.update(
            folder,
            params=_params(config, fitted),
            metrics=measured.metrics | cross | {"onnx_max_difference": difference},
            tags=_tags(table, parts, agreed),
            sha256=model.sha256,
        )
        _describe(folder, agreed, fitted)
    runs.update(folder, state="computed")


def publish(folder: Path, tracker: Tracker) -> None:
    """Record a computed run, register its model, and promote it if it is better.

    May be called again, should the server be lost on the way.
    """
    run = runs.update(folder, state="running")
    with step(folder, "track"):
        run_id = run.run_id or tracking.begin(tracker, run)
        run = runs.update(folder, run_id=run_id)
        run = runs.update(folder, model_uri=tracking.record(tracker, run_id, run, folder))
    with step(folder, "register"):
        text = (folder / "artifacts" / "MODEL_CARD.md").read_text(encoding="utf-8")
        version = registry.register(tracker, run_id, run, str(run.model_uri), text)
        run = runs.update(folder, version=version)
    with step(folder, "promote"):
        decision = run.decision
        if decision is None or not still_stands(run, tracker):
            decision = judge(folder, tracker)
            runs.update(folder, decision=decision)
        registry.note(tracker, run.config.name, version, decision)
        if decision.promote:
            registry.promote(tracker, run.config.name, version)
    run = runs.end(folder, "finished")
    tracking.end(tracker, run_id, run, folder)
    runs.update(folder, reported=True)


def _measure(model: Model, parts: Split, agreed: Contract, folder: Path) -> Evaluation:
    config = runs.read(folder).config
    truth = encode(parts.held_out[agreed.target], agreed, config.task)
    measured = evaluate(truth, predict(model, parts.held_out), config.task, config.gate.loss)
    if config.task == "classification":
        plots.classification(folder / "artifacts", truth, measured.prediction, labels(agreed))
    else:
        plots.regression(folder / "artifacts", truth, measured.prediction)
    by_slice = {
        name: {"rows": int(mask.sum()), config.gate.loss: float(measured.losses[mask].mean())}
        for name, mask in slices(parts.held_out, config.gate.slices, parts.train).items()
        if mask.any()
    }
    _json(folder / "artifacts" / "slices.json", by_slice)
    return measured


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


def _tags(table: pl.DataFrame, parts: Split, agreed: Contract) -> dict[str, str]:
    return {
        "data.sha256": digest(table),
        "data.training.sha256": digest(parts.train),
        "data.evaluation.sha256": digest(parts.held_out),
        "data.target": agreed.target,
        "data.rows.train": str(parts.train.height),
        "data.rows.held_out": str(parts.held_out.height),
        **provenance.code(),
    }


def _describe(folder: Path, agreed: Contract, fitted: Fitted) -> None:
    """Write down for people what went in and what came out."""
    run, artifacts = runs.read(folder), folder / "artifacts"
    _json(artifacts / "config.json", run.config.model_dump(mode="json"))
    _json(artifacts / "environment.json", provenance.environment())
    if fitted.trials:
        tried = [{"loss": trial.loss, "params": trial.params} for trial in fitted.trials]
        _json(artifacts / "search.json", tried)
    (artifacts / "contract.yaml").write_text(contract.dump(agreed), encoding="utf-8")
    (artifacts / "MODEL_CARD.md").write_text(card.write(run, agreed), encoding="utf-8")


def _json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
