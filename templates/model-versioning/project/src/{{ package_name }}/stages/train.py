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
"""How many held-out rows travel with the model."""
PARITY = 1e-4
"""Largest difference of a probability between the exported model and scikit-learn's."""


def run() -> str:
    """Do it.

    Raises:
        ModelError: The exported model does not do what the fitted one does.
    """
    contract = params.load_contract()
    train, test = (files.read_table(files.PREPARED / f"{part}.npz") for part in files.PARTS)
    features = files.read_features(files.FEATURES / "train.npy")
    codes = np.array([contract.labels.index(label) for label in train.labels])
    with threadpool_limits(1):  # sums in the same order, whatever the number of cores
        fitted = recipe.classifier(params.load().train).fit(features, codes)
    if len(fitted.classes_) < len(contract.labels):
        missing = set(range(len(contract.labels))) - set(fitted.classes_.tolist())
        names = ", ".join(sorted(contract.labels[code] for code in missing))
        raise ModelError(f"there is no row to learn {names} from")
    proto = onnx_export.whole(files.FEATURIZER_FILE.read_bytes(), fitted, features.shape[1])
    bare = model.Meta(contract=contract, examples=())
    exported = model.load(onnx_export.finish(proto, bare))
    difference = check_parity(exported, fitted, train, features)
    meta = model.Meta(contract=contract, examples=_examples(exported, test))
    files.MODEL_FILE.parent.mkdir(parents=True, exist_ok=True)
    files.MODEL_FILE.write_bytes(onnx_export.finish(proto, meta))
    return f"{type(fitted).__name__}, its ONNX form differs by {difference:.1e} at most"


def check_parity(
    exported: model.Model, fitted: LogisticRegression, rows: Table, features: np.ndarray
) -> float:
    """Hold the exported model against the one that was fitted, on the same rows.

    Returns:
        The largest difference of a probability.

    Raises:
        ModelError: It is too large.
    """
    wanted = fitted.predict_proba(features)
    found = model.predict(exported, rows.values).probabilities
    difference = float(np.abs(wanted - found).max())
    if not difference <= PARITY:
        raise ModelError(
            f"the exported model differs from the fitted one by {difference:.2g}, allowed is "
            f"{PARITY:.0e}: choose an estimator in recipe.py that converts exactly"
        )
    return difference


def _examples(exported: model.Model, test: Table) -> tuple[model.Example, ...]:
    """Choose rows of different labels, as far as there are any, and let the model answer them."""
    order = sorted(range(len(test.ids)), key=lambda at: test.labels[:at].count(test.labels[at]))
    chosen = order[:EXAMPLES]
    answers = model.predict(exported, test.values[chosen])
    return tuple(
        model.Example(
            id=test.ids[row],
            label=test.labels[row],
            values=tuple(test.values[row].tolist()),
            predicted=answers.labels[at],
            probability=round(float(answers.probabilities[at].max()), 6),
        )
        for at, row in enumerate(chosen)
    )


if __name__ == "__main__":
    sys.exit(files.main("train", run))
