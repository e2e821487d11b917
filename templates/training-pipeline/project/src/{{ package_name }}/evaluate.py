"""Step 6: how good a model is, on rows that it has not learnt."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn import metrics as skm

from .config import Loss, Task

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

_EPSILON = 1e-7
"""Probabilities are kept this far from 0 and 1, so that one sure mistake is not infinitely bad."""
CALIBRATION_BINS = 10


def _one_hot(truth: NDArray[Any], prediction: Floats) -> Floats:
    return np.asarray(np.eye(prediction.shape[1])[truth])


def _log_loss(truth: NDArray[Any], prediction: Floats) -> Floats:
    chosen = prediction[np.arange(len(truth)), truth]
    return np.asarray(-np.log(np.clip(chosen, _EPSILON, 1.0)))


LOSSES: dict[Loss, Callable[[NDArray[Any], Floats], Floats]] = {
    "error": lambda truth, p: (p.argmax(axis=1) != truth).astype(np.float64),
    "log_loss": _log_loss,
    "brier": lambda truth, p: ((p - _one_hot(truth, p)) ** 2).sum(axis=1),
    "absolute_error": lambda truth, p: np.abs(p - truth),
    "squared_error": lambda truth, p: (p - truth) ** 2,
}
"""Loss of every row; all figures of the gate are means of these."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a model is worth.

    Attributes:
        metrics: Name -> figure.
        losses: The gate's loss per row, shape (rows,).
        prediction: As `model.predict` gives it.
    """

    metrics: dict[str, float]
    losses: Floats
    prediction: Floats


def evaluate(truth: NDArray[Any], prediction: Floats, task: Task, loss: Loss) -> Evaluation:
    """Measure predictions against the truth."""
    losses = LOSSES[loss](truth, prediction)
    figures = (
        _classes(truth, prediction) if task == "classification" else _numbers(truth, prediction)
    )
    return Evaluation(figures | {loss: float(losses.mean())}, losses, prediction)


def baseline(train: NDArray[Any], rows: int, task: Task, classes: int, loss: Loss) -> Floats:
    """Predict without looking: the classes' shares, or the mean (median for absolute error).

    Args:
        train: Encoded target of the training rows.
        rows: How many predictions.
        task: Classification or regression.
        classes: Number of classes.
        loss: The loss that counts.

    Returns:
        The same constant prediction for each row.
    """
    if task == "classification":
        shares = np.bincount(train, minlength=classes) / len(train)
        return np.tile(shares, (rows, 1))
    constant = np.median(train) if loss == "absolute_error" else np.mean(train)
    return np.full(rows, float(constant))


def slices(frame: pl.DataFrame, columns: Sequence[str], reference: pl.DataFrame) -> dict[str, Mask]:
    """Part the rows by columns, one after the other.

    Args:
        frame: Rows to part.
        columns: A column of texts gives a part per value, one of numbers three of equal size.
        reference: Rows whose thirds are the borders, so that they do not move with `frame`.

    Returns:
        Name of the part -> which rows are in it, shape (rows,).
    """
    parts: dict[str, Mask] = {}
    for column in columns:
        cells = frame[column]
        if cells.dtype == pl.String:
            for value in reference[column].unique().sort().to_list():
                parts[f"{column} = {value}"] = cells.eq_missing(value).to_numpy()
            continue
        values = cells.to_numpy()
        low, high = np.nanquantile(reference[column].to_numpy(), [1 / 3, 2 / 3])
        parts[f"{column} < {low:.4g}"] = values < low
        parts[f"{low:.4g} <= {column} < {high:.4g}"] = (values >= low) & (values < high)
        parts[f"{column} >= {high:.4g}"] = values >= high
    return parts


def calibration(truth: NDArray[Any], prediction: Floats) -> tuple[Floats, Floats, Floats]:
    """Compare how sure a model is with how often it is right.

    Returns:
        Per bin that holds rows: mean confidence, share that is right, number of rows.
    """
    confidence, right = prediction.max(axis=1), prediction.argmax(axis=1) == truth
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    counts = np.bincount(bins, minlength=CALIBRATION_BINS).astype(np.float64)
    used = counts > 0
    sure = np.bincount(bins, confidence, CALIBRATION_BINS)[used] / counts[used]
    share = np.bincount(bins, right, CALIBRATION_BINS)[used] / counts[used]
    return sure, share, counts[used]


def _classes(truth: NDArray[Any], prediction: Floats) -> dict[str, float]:
    chosen = prediction.argmax(axis=1)
    sure, share, counts = calibration(truth, prediction)
    return {
        "accuracy": float(skm.accuracy_score(truth, chosen)),
        "balanced_accuracy": float(skm.balanced_accuracy_score(truth, chosen)),
        "macro_f1": float(skm.f1_score(truth, chosen, average="macro", zero_division=0)),
        "log_loss": float(_log_loss(truth, prediction).mean()),
        "brier": float(LOSSES["brier"](truth, prediction).mean()),
        "calibration_error": float((np.abs(sure - share) * counts).sum() / counts.sum()),
    }


def _numbers(truth: NDArray[Any], prediction: Floats) -> dict[str, float]:
    return {
        "mean_absolute_error": float(skm.mean_absolute_error(truth, prediction)),
        "root_mean_squared_error": float(skm.root_mean_squared_error(truth, prediction)),
        "median_absolute_error": float(skm.median_absolute_error(truth, prediction)),
        "r2": float(skm.r2_score(truth, prediction)),
    }
