"""Last stage: evaluate the exported model on the held-out rows."""

import csv
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from .. import model
from . import files

if TYPE_CHECKING:
    from numpy.typing import NDArray

METRICS_FILE = Path("metrics.json")
PLOTS = Path("plots")
BINS = 10
_MIN_PROBABILITY = 1e-15


def compute_metrics(
    predictions: model.Predictions, truth: Sequence[str], labels: Sequence[str]
) -> dict[str, float]:
    """Compute metrics of predictions against the true labels.

    Returns:
        `accuracy`; `balanced_accuracy`, the mean recall over the labels; `log_loss`, in nats.
    """
    correct = np.array([a == b for a, b in zip(predictions.labels, truth, strict=True)])
    codes = np.array([labels.index(label) for label in truth])
    recalls = [correct[codes == code].mean() for code in np.unique(codes)]
    of_true_label = predictions.probabilities[np.arange(len(codes)), codes]
    return {
        "accuracy": round(float(correct.mean()), 6),
        "balanced_accuracy": round(float(np.mean(recalls)), 6),
        "log_loss": round(float(-np.log(np.maximum(of_true_label, _MIN_PROBABILITY)).mean()), 6),
    }


def calibration(
    predictions: model.Predictions, truth: Sequence[str]
) -> list[tuple[float, float, int]]:
    """Compare the model's confidence with its accuracy.

    Returns:
        For each non-empty bin: mean confidence, accuracy, number of rows.
    """
    confidence = predictions.probabilities.max(axis=1)
    correct = np.array([a == b for a, b in zip(predictions.labels, truth, strict=True)])
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    masks: list[NDArray[np.bool_]] = [bins == number for number in range(BINS)]
    return [
        (
            round(float(confidence[mask].mean()), 4),
            round(float(correct[mask].mean()), 4),
            int(mask.sum()),
        )
        for mask in masks
        if mask.any()
    ]


def run() -> str:
    """Run the stage."""
    exported = model.load(files.MODEL_FILE.read_bytes())
    train, test = (files.read_table(files.PREPARED / f"{name}.npz") for name in files.SUBSETS)
    predictions = model.predict(exported, test.values)
    metrics = compute_metrics(predictions, test.labels, exported.metadata.contract.labels)
    rows = {"train": len(train.ids), "test": len(test.ids)}
    METRICS_FILE.write_bytes(
        orjson.dumps({**metrics, "rows": rows}, option=orjson.OPT_INDENT_2) + b"\n"
    )
    PLOTS.mkdir(exist_ok=True)
    pairs = sorted(zip(test.labels, predictions.labels, strict=True))
    _write(PLOTS / "confusion.csv", ("actual", "predicted"), pairs)
    _write(
        PLOTS / "calibration.csv",
        ("confidence", "accuracy", "rows"),
        calibration(predictions, test.labels),
    )
    return f"{metrics['accuracy']:.1%} accuracy on {rows['test']} held-out rows"


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


if __name__ == "__main__":
    sys.exit(files.main("evaluate", run))
