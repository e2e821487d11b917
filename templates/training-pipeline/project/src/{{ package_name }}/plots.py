"""Plots of a model's performance on the held-out rows."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

from .evaluate import Floats, calibration

_MAX_LABELED_CLASSES = 12
"""With more classes, the cells of the confusion matrix are too small for numbers."""


def classification(
    folder: Path, truth: NDArray[Any], prediction: Floats, labels: Sequence[str]
) -> None:
    """Draw `confusion.png` and `calibration.png`."""
    counts = confusion_matrix(truth, prediction.argmax(axis=1), labels=range(len(labels)))
    figure, axes = _figure("Confusion matrix", "predicted", "true")
    axes.imshow(counts, cmap="Blues")
    axes.set_xticks(range(len(labels)), labels, rotation=30, ha="right")
    axes.set_yticks(range(len(labels)), labels)
    if len(labels) <= _MAX_LABELED_CLASSES:
        for (row, column), count in np.ndenumerate(counts):
            color = "white" if count > counts.max() / 2 else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=color)
    figure.savefig(folder / "confusion.png")
    confidence, accuracy, _ = calibration(truth, prediction)
    figure, axes = _figure("Calibration", "mean confidence", "accuracy")
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":")
    axes.plot(confidence, accuracy, marker="o")
    figure.savefig(folder / "calibration.png")


def regression(folder: Path, truth: Floats, prediction: Floats) -> None:
    """Draw `predicted.png` and `residuals.png`."""
    figure, axes = _figure("Predicted vs. true values", "true", "predicted")
    ends = [float(truth.min()), float(truth.max())]
    axes.plot(ends, ends, color="grey", linestyle=":")
    axes.scatter(truth, prediction, s=12, alpha=0.6)
    figure.savefig(folder / "predicted.png")
    figure, axes = _figure("Residuals", "predicted - true", "rows")
    axes.hist(prediction - truth, bins=30)
    figure.savefig(folder / "residuals.png")


def _figure(title: str, x: str, y: str) -> tuple[Figure, Any]:
    figure = Figure(figsize=(5, 4), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)  # needs no display and avoids pyplot's global state
    axes = figure.add_subplot(title=title, xlabel=x, ylabel=y)
    return figure, axes
