"""Exports a model from scikit-learn to ONNX and verifies that both predict the same."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from ..manifest import LABEL_OUTPUT, MATRIX_INPUT, PROBABILITIES_OUTPUT, Schema
from ..session import open_session
from .convert import Inputs, convert, encode

OPSET = 18
"""Old enough for every ONNX Runtime of recent years."""
TOLERANCE = 1e-5
"""The most that a probability may differ from scikit-learn's."""


class ExportError(Exception):
    """The model can't be exported, or the exported one predicts differently."""


@dataclass(frozen=True, slots=True)
class Predictions:
    """Predictions: `codes` of shape (rows,), `probabilities` of shape (rows, labels)."""

    codes: NDArray[np.int64]
    probabilities: NDArray[np.float64]


def export(pipeline: Pipeline, schema: Schema) -> bytes:
    """Convert a trained pipeline; the same pipeline always gives the same bytes.

    Raises:
        ExportError: The classifier predicts no probabilities, or it can't be converted.
    """
    classifier = pipeline[-1]
    if not hasattr(classifier, "predict_proba"):
        raise ExportError(f"{type(classifier).__name__} predicts no probabilities: use another one")
    inputs: Inputs
    if schema.layout == "matrix":
        inputs = [(MATRIX_INPUT, FloatTensorType([None, len(schema.features)]))]
    else:
        kinds = {"numeric": FloatTensorType, "categorical": StringTensorType}
        inputs = [
            (name, kinds[feature.kind]([None, 1]))
            for name, feature in zip(schema.input_names, schema.features, strict=True)
        ]
    try:
        return encode(
            convert(pipeline, inputs, name="classifier", opset=OPSET, classifier=classifier)
        )
    except (RuntimeError, TypeError, ValueError, NameError) as error:
        reason = str(error).strip().partition("\n")[0]
        name = type(classifier).__name__
        raise ExportError(f"a pipeline with {name} cannot be converted: {reason}") from error


def predict(model: bytes, feeds: dict[str, NDArray[Any]]) -> Predictions:
    """Predict with ONNX Runtime, as the service does."""
    codes, probabilities = open_session(model).run([LABEL_OUTPUT, PROBABILITIES_OUTPUT], feeds)
    return Predictions(codes, probabilities.astype(np.float64))


def round_to_float32(pipeline: Pipeline) -> None:
    """Round the learned parameters of a pipeline to the precision of ONNX, in place.

    Otherwise, scikit-learn subtracts a float64 mean and ONNX a float32 one, and for a column of
    large numbers with a small spread the two models disagree.
    """
    for step in _steps(pipeline):
        for name in ("statistics_", "mean_", "coef_", "intercept_", "coefs_", "intercepts_"):
            if (learned := getattr(step, name, None)) is not None:
                setattr(step, name, _rounded(learned))
        if getattr(step, "scale_", None) is not None:
            step.scale_ = 1 / _rounded(1 / step.scale_)  # ONNX multiplies by the inverse


def check_parity(trained: Predictions, exported: Predictions) -> float:
    """Compare the predictions of two models for the same rows.

    Returns:
        The largest difference between two probabilities.

    Raises:
        ExportError: A label differs, or a probability by more than `TOLERANCE`.
    """
    differences = np.abs(trained.probabilities - exported.probabilities).max(axis=1)
    wrong = (trained.codes != exported.codes) | ~(differences <= TOLERANCE)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ExportError(
            f"the ONNX model differs from the scikit-learn one on {wrong.sum()} of {len(wrong)} "
            f"held-out rows, first on row {row + 1}: "
            f"label {exported.codes[row]} instead of {trained.codes[row]}, "
            f"probabilities differ by {differences[row]:.2g} (at most {TOLERANCE} is allowed)"
        )
    return float(differences.max())


def _steps(step: BaseEstimator) -> Iterator[BaseEstimator]:
    if isinstance(step, Pipeline):
        for _, inner in step.steps:
            yield from _steps(inner)
    elif isinstance(step, ColumnTransformer):
        for _, inner, _ in step.transformers_:
            yield from _steps(inner)
    else:
        yield step


def _rounded(learned: "NDArray[np.float64] | list[NDArray[np.float64]]") -> Any:
    if isinstance(learned, list):
        return [_rounded(part) for part in learned]
    return learned.astype(np.float32).astype(np.float64)
