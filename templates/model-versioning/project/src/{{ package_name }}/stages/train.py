"""Third stage: fit the model, export it, and check the export."""

import sys

import numpy as np
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from .. import model
from ..data.table import Table
from ..errors import ModelError
from . import files, onnx_export, params, recipe

EXAMPLES = 5
"""How many held-out rows are stored in the model."""
PARITY_TOLERANCE = 1e-4
"""Largest allowed difference between a probability of the exported and of the fitted model."""


def run() -> str:
    """Run the stage.

    Raises:
        ModelError: A label has no rows, or the exported model differs from the fitted one.
    """
    contract = params.load_contract()
    train, test = (files.read_table(files.PREPARED / f"{name}.npz") for name in files.SUBSETS)
    features = files.read_features(files.FEATURES / "train.npy")
    codes = np.array([contract.labels.index(label) for label in train.labels])
    with threadpool_limits(1):  # a fixed summation order on any number of cores
        fitted = recipe.classifier(params.load().train).fit(features, codes)
    if len(fitted.classes_) < len(contract.labels):
        missing = set(range(len(contract.labels))) - set(fitted.classes_.tolist())
        names = ", ".join(sorted(contract.labels[code] for code in missing))
        raise ModelError(f"there are no training rows with the label {names}")
    proto = onnx_export.merge(files.FEATURIZER_FILE.read_bytes(), fitted, features.shape[1])
    without_examples = model.ModelMetadata(contract=contract, examples=())
    exported = model.load(onnx_export.with_metadata(proto, without_examples))
    difference = check_parity(exported, fitted, train, features)
    metadata = model.ModelMetadata(contract=contract, examples=_examples(exported, test))
    files.MODEL_FILE.parent.mkdir(parents=True, exist_ok=True)
    files.MODEL_FILE.write_bytes(onnx_export.with_metadata(proto, metadata))
    return f"{type(fitted).__name__}, the ONNX export differs by at most {difference:.1e}"


def check_parity(
    exported: model.Model, fitted: LogisticRegression, rows: Table, features: np.ndarray
) -> float:
    """Compare the exported model with the fitted one on the same rows.

    Returns:
        The largest difference of a probability.

    Raises:
        ModelError: The difference is too large.
    """
    expected = fitted.predict_proba(features)
    actual = model.predict(exported, rows.values).probabilities
    difference = float(np.abs(expected - actual).max())
    if not difference <= PARITY_TOLERANCE:  # also true for NaN
        raise ModelError(
            f"the exported model differs from the fitted one by {difference:.2g}, more than the "
            f"allowed {PARITY_TOLERANCE:.0e}: choose an estimator in recipe.py that converts "
            "exactly"
        )
    return difference


def _examples(exported: model.Model, test: Table) -> tuple[model.Example, ...]:
    """Choose rows with different labels, as far as possible, and store their predictions."""
    by_occurrence = sorted(
        range(len(test.ids)), key=lambda row: test.labels[:row].count(test.labels[row])
    )
    chosen = by_occurrence[:EXAMPLES]
    predictions = model.predict(exported, test.values[chosen])
    return tuple(
        model.Example(
            id=test.ids[row],
            label=test.labels[row],
            values=tuple(test.values[row].tolist()),
            predicted=predictions.labels[number],
            probability=round(float(predictions.probabilities[number].max()), 6),
        )
        for number, row in enumerate(chosen)
    )


if __name__ == "__main__":
    sys.exit(files.main("train", run))
