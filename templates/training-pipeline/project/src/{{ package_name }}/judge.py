"""Hold a run's model against the champion of the moment, on rows that neither has learnt."""

from pathlib import Path

import polars as pl

from . import contract, registry, runs
from .decision import Decision
from .errors import DataError
from .evaluate import LOSSES, Floats, baseline, slices
from .gate import decide
from .model import Model, load, predict
from .runs import Run
from .split import POSITION
from .tracking import Tracker
from .train import encode


def judge(folder: Path, tracker: Tracker) -> Decision:
    """Decide whether a run's model becomes the champion; without one it has to beat guessing.

    Raises:
        RegistryError: The champion is damaged.
    """
    config = runs.read(folder).config
    agreed = contract.load(folder / "artifacts" / "contract.yaml")
    challenger = load((folder / runs.MODEL_FILE).read_bytes())
    train = pl.read_parquet(folder / runs.TRAIN_FILE)
    rows = pl.read_parquet(folder / runs.HELD_OUT_FILE)
    version = registry.find(tracker, config.name)
    before: Floats
    if version is None:
        against, learnt = None, encode(train[agreed.target], agreed, config.task)
        classes = len(challenger.meta.labels)
        before = baseline(learnt, rows.height, config.task, classes, config.gate.loss)
    else:
        against, champion = str(version.version), registry.fetch(tracker, version)
        rows = rows.filter(pl.col(POSITION) < champion.meta.held_out)
        if reason := _incomparable(champion, challenger, rows):
            return _refusal(reason, against)
        try:
            before = predict(champion, rows)
        except DataError as error:
            return _refusal(f"the champion cannot be asked: {error}", against)
    truth = encode(rows[agreed.target], agreed, config.task)
    loss = LOSSES[config.gate.loss]
    parts = slices(rows, config.gate.slices, train)
    after = predict(challenger, rows)
    decision = decide(loss(truth, before), loss(truth, after), parts, config.gate, config.seed)
    return decision.model_copy(update={"against": against})


def still_stands(run: Run, tracker: Tracker) -> bool:
    """Tell whether a run's decision, if it has one, was made against today's champion.

    A run that could not be sent at once may find another champion when it is sent. One whose
    own version is the champion already was interrupted between promotion and its end.
    """
    if run.decision is None:
        return False
    version = registry.find(tracker, run.config.name)
    champion = None if version is None else str(version.version)
    return champion in (run.decision.against, run.version)


def _incomparable(champion: Model, challenger: Model, rows: pl.DataFrame) -> str | None:
    """Say why no rows show which model is better, if so."""
    one, other = champion.meta, challenger.meta
    if (one.task, one.labels) != (other.task, other.labels):
        return "the champion predicts something else: promote by hand"
    if one.told_apart_by != other.told_apart_by:
        return (
            "the champion's rows were told apart by other columns, so it may have learnt rows that "
            "are held out now: promote by hand, and give the contract a key that stays"
        )
    return "no row is held out from both models" if rows.is_empty() else None


def _refusal(reason: str, against: str) -> Decision:
    zero = {"rows": 0, "champion": 0, "challenger": 0, "improvement": 0, "lower": 0, "upper": 0}
    return Decision(promote=False, reasons=(reason,), against=against, **zero)
