"""Last stage: measure the exported model on the rows that it has never seen."""

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
_LEAST = 1e-15


def measure(
    answers: model.Predictions, truth: Sequence[str], labels: Sequence[str]
) -> dict[str, float]:
    """Measure answers against the truth.

    Returns:
        `accuracy`; `balanced_accuracy`, the mean over the labels of the share of their rows that
        is found; `log_loss`, the mean surprise in nats.
    """
    right = np.array([a == b for a, b in zip(answers.labels, truth, strict=True)])
    codes = np.array([labels.index(label) for label in truth])
    recalls = [right[codes == code].mean() for code in np.unique(codes)]
    chances = answers.probabilities[np.arange(len(codes)), codes]
    return {
        "accuracy": round(float(right.mean()), 6),
        "balanced_accuracy": round(float(np.mean(recalls)), 6),
        "log_loss": round(float(-np.log(np.maximum(chances, _LEAST)).mean()), 6),
    }


def confidence(answers: model.Predictions, truth: Sequence[str]) -> list[tuple[float, float, int]]:
    """Tell how often the model is right when it is so sure.

    Returns:
        Per bin that holds rows: mean probability of the answer, share that is right, rows.
    """
    sure = answers.probabilities.max(axis=1)
    right = np.array([a == b for a, b in zip(answers.labels, truth, strict=True)])
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    chosen: list[NDArray[np.bool_]] = [bins == at for at in range(BINS)]
    return [
        (round(float(sure[rows].mean()), 4), round(float(right[rows].mean()), 4), int(rows.sum()))
        for rows in chosen
        if rows.any()
    ]


def run() -> str:
    """Do it."""
    exported = model.load(files.MODEL_FILE.read_bytes())
    train, test = (files.read_table(files.PREPARED / f"{part}.npz") for part in files.PARTS)
    answers = model.predict(exported, test.values)
    figures = measure(answers, test.labels, exported.meta.contract.labels)
    rows = {"train": len(train.ids), "test": len(test.ids)}
    METRICS_FILE.write_bytes(
        orjson.dumps({**figures, "rows": rows}, option=orjson.OPT_INDENT_2) + b"\n"
    )
    PLOTS.mkdir(exist_ok=True)
    pairs = sorted(zip(test.labels, answers.labels, strict=True))
    _write(PLOTS / "confusion.csv", ("actual", "predicted"), pairs)
    _write(
        PLOTS / "confidence.csv", ("confidence", "right", "rows"), confidence(answers, test.labels)
    )
    return f"{figures['accuracy']:.1%} right on {rows['test']} held-out rows"


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


if __name__ == "__main__":
    sys.exit(files.main("evaluate", run))
