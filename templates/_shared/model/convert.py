"""Converts scikit-learn models to ONNX: the same estimator always gives the same bytes."""

from collections.abc import Sequence

import onnx
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.base import BaseEstimator

Inputs = Sequence[tuple[str, FloatTensorType | StringTensorType]]
"""The name and type of each input, in order."""


def convert(
    fitted: BaseEstimator,
    inputs: Inputs,
    *,
    name: str,
    opset: int,
    classifier: BaseEstimator | None = None,
) -> onnx.ModelProto:
    """Convert a fitted estimator or pipeline.

    Args:
        fitted: The estimator or pipeline.
        inputs: Its inputs.
        name: The name of the ONNX graph; skl2onnx would choose a random one.
        opset: The version of ONNX's operator set.
        classifier: The classifier in the pipeline, if there is one. Its probabilities are then
            a tensor of shape (rows, labels) instead of a list of maps.
    """
    options = None if classifier is None else {id(classifier): {"zipmap": False}}
    proto: onnx.ModelProto = to_onnx(
        fitted, initial_types=list(inputs), options=options, target_opset=opset, name=name
    )
    # skl2onnx keeps these in a set, whose order differs from process to process.
    proto.opset_import.sort(key=lambda entry: entry.domain)
    return proto


def encode(proto: onnx.ModelProto) -> bytes:
    """Serialize a model, with its maps in a fixed order."""
    return bytes(proto.SerializeToString(deterministic=True))
