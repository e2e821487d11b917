"""Model quality: cross-validation to choose a model, held-out rows to evaluate it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, precision_recall_fscore_support
from sklearn.model_selection import StratifiedKFold, cross_validate, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.validation import has_fit_parameter

from ..manifest import LabelMetrics, Metrics
from .export import Predictions
from .model import LARGE
from .table import Table, Values

HELD_OUT = 0.25
FOLDS = 5
FOLDS_LARGE = 3


@dataclass(frozen=True, slots=True)
class Choice:
    """The candidate that cross-validation selected, and the scores of all candidates."""

    name: str
    pipeline: Pipeline
    folds: int
    accuracy: float
    accuracy_std: float
    balanced_accuracies: dict[str, float]


def split(table: Table, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split the rows into training and held-out ones, stratified by label.

    Returns:
        Indices of the training rows and of the held-out rows.
    """
    indices = np.arange(len(table.codes))
    if table.train_rows is not None:
        return indices[: table.train_rows], indices[table.train_rows :]
    train, held_out = train_test_split(
        indices, test_size=HELD_OUT, stratify=table.codes, random_state=seed
    )
    return np.sort(train), np.sort(held_out)


def choose(
    pipelines: dict[str, Pipeline], values: Values, codes: NDArray[np.int64], seed: int
) -> Choice:
    """Cross-validate the candidates and choose the simplest one that is as good as the best.

    "As good" means a mean balanced accuracy within one standard error of the best one's.

    Args:
        pipelines: The candidates, simplest first.
        values: The training rows.
        codes: Their labels, shape (rows,).
        seed: Makes the folds reproducible.
    """
    limit = FOLDS_LARGE if len(codes) >= LARGE else FOLDS
    folds = min(limit, int(np.bincount(codes).min()))
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    scores = {
        name: cross_validate(
            pipeline,
            values,
            codes,
            cv=splitter,
            params=weights(pipeline, codes),
            scoring=["accuracy", "balanced_accuracy"],
            error_score="raise",
        )
        for name, pipeline in pipelines.items()
    }
    balanced = {name: score["test_balanced_accuracy"] for name, score in scores.items()}
    best = max(balanced.values(), key=np.mean)
    threshold = best.mean() - best.std() / np.sqrt(folds)
    name = next(name for name, score in balanced.items() if score.mean() >= threshold)
    accuracy = scores[name]["test_accuracy"]
    return Choice(
        name=name,
        pipeline=pipelines[name],
        folds=folds,
        accuracy=float(accuracy.mean()),
        accuracy_std=float(accuracy.std()),
        balanced_accuracies={name: float(score.mean()) for name, score in balanced.items()},
    )


def weights(pipeline: Pipeline, codes: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    """Weight the rows so that every label counts equally, if the classifier supports it.

    Returns:
        Keyword arguments for `Pipeline.fit`.
    """
    if not has_fit_parameter(pipeline[-1], "sample_weight"):
        return {}
    return {"classify__sample_weight": compute_sample_weight("balanced", codes)}


def measure(
    choice: Choice,
    predictions: Predictions,
    truth: NDArray[np.int64],
    labels: tuple[str, ...],
    difference: float,
) -> Metrics:
    """Compute the metrics of a model from its predictions for the held-out rows.

    Args:
        choice: The result of the cross-validation.
        predictions: The predictions of the exported model for the held-out rows.
        truth: Their true labels, shape (rows,).
        labels: The names of the labels.
        difference: The largest difference between the exported and the trained model.
    """
    codes = range(len(labels))
    precision, recall, f1, support = precision_recall_fscore_support(
        truth, predictions.codes, labels=list(codes), zero_division=0.0
    )
    true_probability = predictions.probabilities[np.arange(len(truth)), truth]
    present = support > 0
    return Metrics(
        cv_folds=choice.folds,
        cv_accuracy=choice.accuracy,
        cv_accuracy_std=choice.accuracy_std,
        candidates=choice.balanced_accuracies,
        accuracy=float(accuracy_score(truth, predictions.codes)),
        balanced_accuracy=float(recall[present].mean()),
        macro_f1=float(f1[present].mean()),
        log_loss=float(-np.log(np.clip(true_probability, 1e-15, 1)).mean()),
        baseline_accuracy=float(support.max() / support.sum()),
        onnx_max_difference=difference,
        per_label=tuple(
            LabelMetrics(
                label=labels[code],
                precision=float(precision[code]),
                recall=float(recall[code]),
                rows=int(support[code]),
            )
            for code in codes
        ),
    )
