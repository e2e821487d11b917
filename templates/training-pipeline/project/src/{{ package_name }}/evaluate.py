"""Step 6: evaluate a model on held-out rows."""

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
"""Probabilities are clipped at this value, so a single confident mistake has a finite log loss."""
CALIBRATION_BINS = 10


def _one_hot(truth: NDArray[Any], prediction: Floats) -> Floats:
    return np.asarray(np.eye(prediction.shape[1])[truth])


def _log_loss(truth: NDArray[Any], prediction: Floats) -> Floats:
    of_true_class = prediction[np.arange(len(truth)), truth]
    return np.asarray(-np.log(np.clip(of_true_class, _EPSILON, 1.0)))


LOSSES: dict[Loss, Callable[[NDArray[Any], Floats], Floats]] = {
    "error": lambda truth, p: (p.argmax(axis=1) != truth).astype(np.float64),
    "log_loss": _log_loss,
    "brier": lambda truth, p: ((p - _one_hot(truth, p)) ** 2).sum(axis=1),
    "absolute_error": lambda truth, p: np.abs(p - truth),
    "squared_error": lambda truth, p: (p - truth) ** 2,
}
"""Loss functions, one value per row; the gate compares their means."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The result of evaluating a model.

    Attributes:
        metrics: Name -> value.
        losses: The gate's loss per row, shape (rows,).
        prediction: The output of `model.predict`.
    """

    metrics: dict[str, float]
    losses: Floats
    prediction: Floats


def evaluate(truth: NDArray[Any], prediction: Floats, task: Task, loss: Loss) -> Evaluation:
    """Evaluate predictions against the true target."""
    losses = LOSSES[loss](truth, prediction)
    metrics = (
        _classification_metrics(truth, prediction)
        if task == "classification"
        else _regression_metrics(truth, prediction)
    )
    return Evaluation(metrics | {loss: float(losses.mean())}, losses, prediction)


def baseline(train: NDArray[Any], rows: int, task: Task, classes: int, loss: Loss) -> Floats:
    """Predict without features: the class shares, or the mean (for absolute error the median).

    Args:
        train: Encoded target of the training rows.
        rows: Number of predictions.
        task: Classification or regression.
        classes: Number of classes.
        loss: The gate's loss.

    Returns:
        The same constant prediction for every row.
    """
    if task == "classification":
        shares = np.bincount(train, minlength=classes) / len(train)
        return np.tile(shares, (rows, 1))
    constant = np.median(train) if loss == "absolute_error" else np.mean(train)
    return np.full(rows, float(constant))


def slices(frame: pl.DataFrame, columns: Sequence[str], reference: pl.DataFrame) -> dict[str, Mask]:
    """Slice the rows by each of the columns.

    Args:
        frame: Rows to slice.
        columns: A text column gives one slice per value, a numeric column three slices.
        reference: Rows whose terciles are the boundaries of numeric slices, so that the boundaries
            do not depend on `frame`.

    Returns:
        Name of the slice -> mask of its rows, shape (rows,).
    """
    masks: dict[str, Mask] = {}
    for column in columns:
        cells = frame[column]
        if cells.dtype == pl.String:
            for value in reference[column].unique().sort().to_list():
                masks[f"{column} = {value}"] = cells.eq_missing(value).to_numpy()
            continue
        values = cells.to_numpy()
        low, high = np.nanquantile(reference[column].to_numpy(), [1 / 3, 2 / 3])
        masks[f"{column} < {low:.4g}"] = values < low
        masks[f"{low:.4g} <= {column} < {high:.4g}"] = (values >= low) & (values < high)
        masks[f"{column} >= {high:.4g}"] = values >= high
    return masks


def calibration(truth: NDArray[Any], prediction: Floats) -> tuple[Floats, Floats, Floats]:
    """Compare a classifier's confidence with its accuracy.

    Returns:
        For each non-empty bin: mean confidence, accuracy, number of rows.
    """
    confidence, correct = prediction.max(axis=1), prediction.argmax(axis=1) == truth
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    counts = np.bincount(bins, minlength=CALIBRATION_BINS).astype(np.float64)
    used = counts > 0
    mean_confidence = np.bincount(bins, confidence, CALIBRATION_BINS)[used] / counts[used]
    accuracy = np.bincount(bins, correct, CALIBRATION_BINS)[used] / counts[used]
    return mean_confidence, accuracy, counts[used]


def _classification_metrics(truth: NDArray[Any], prediction: Floats) -> dict[str, float]:
    predicted = prediction.argmax(axis=1)
    confidence, accuracy, counts = calibration(truth, prediction)
    gaps = np.abs(confidence - accuracy)
    return {
        "accuracy": float(skm.accuracy_score(truth, predicted)),
        "balanced_accuracy": float(skm.balanced_accuracy_score(truth, predicted)),
        "macro_f1": float(skm.f1_score(truth, predicted, average="macro", zero_division=0)),
        "log_loss": float(_log_loss(truth, prediction).mean()),
        "brier": float(LOSSES["brier"](truth, prediction).mean()),
        "calibration_error": float((gaps * counts).sum() / counts.sum()),
    }


def _regression_metrics(truth: NDArray[Any], prediction: Floats) -> dict[str, float]:
    return {
        "mean_absolute_error": float(skm.mean_absolute_error(truth, prediction)),
        "root_mean_squared_error": float(skm.root_mean_squared_error(truth, prediction)),
        "median_absolute_error": float(skm.median_absolute_error(truth, prediction)),
        "r2": float(skm.r2_score(truth, prediction)),
    }
