"""Compare a run's model with the current champion, on rows that neither was trained on."""

from pathlib import Path

import polars as pl

from . import contract as contracts
from . import registry, runs
from .decision import Decision
from .errors import DataError
from .evaluate import LOSSES, Floats, baseline, slices
from .gate import decide
from .model import Model, load, predict
from .runs import Run
from .split import POSITION
from .tracking import Tracker
from .train import encode_target


def decide_promotion(folder: Path, tracker: Tracker) -> Decision:
    """Decide whether a run's model becomes the champion.

    Without a champion, the model has to beat the baseline.

    Raises:
        RegistryError: The champion is damaged.
    """
    config = runs.read(folder).config
    contract = contracts.load(folder / "artifacts" / "contract.yaml")
    challenger = load((folder / runs.MODEL_FILE).read_bytes())
    train = pl.read_parquet(folder / runs.TRAIN_FILE)
    rows = pl.read_parquet(folder / runs.HELD_OUT_FILE)
    version = registry.find(tracker, config.name)
    before: Floats
    if version is None:
        against, train_target = None, encode_target(train[contract.target], contract, config.task)
        classes = len(challenger.metadata.labels)
        before = baseline(train_target, rows.height, config.task, classes, config.gate.loss)
    else:
        against, champion = str(version.version), registry.fetch(tracker, version)
        rows = rows.filter(pl.col(POSITION) < champion.metadata.held_out)
        if reason := _incomparable(champion, challenger, rows):
            return _rejection(reason, against)
        try:
            before = predict(champion, rows)
        except DataError as error:
            return _rejection(f"the champion cannot predict these rows: {error}", against)
    truth = encode_target(rows[contract.target], contract, config.task)
    loss = LOSSES[config.gate.loss]
    masks = slices(rows, config.gate.slices, train)
    after = predict(challenger, rows)
    decision = decide(loss(truth, before), loss(truth, after), masks, config.gate, config.seed)
    return decision.model_copy(update={"against": against})


def is_current(run: Run, tracker: Tracker) -> bool:
    """Check whether a run has a decision that was made against the current champion.

    A run that is sent late may find another champion in place. If the run's own version is
    already the champion, the run was interrupted between its promotion and its end.
    """
    if run.decision is None:
        return False
    version = registry.find(tracker, run.config.name)
    champion = None if version is None else str(version.version)
    return champion in (run.decision.against, run.version)


def _incomparable(champion: Model, challenger: Model, rows: pl.DataFrame) -> str | None:
    """Explain why the two models cannot be compared; `None` if they can."""
    one, other = champion.metadata, challenger.metadata
    if (one.task, one.labels) != (other.task, other.labels):
        return "the champion predicts something else: promote by hand"
    if one.row_key != other.row_key:
        return (
            "the champion's rows were split by other columns, so it may have been trained on rows "
            "that are held out now: promote by hand, and add a stable key to the contract"
        )
    return "no row is held out from both models" if rows.is_empty() else None


def _rejection(reason: str, against: str) -> Decision:
    zero = {"rows": 0, "champion": 0, "challenger": 0, "improvement": 0, "lower": 0, "upper": 0}
    return Decision(promote=False, reasons=(reason,), against=against, **zero)
