"""From scikit-learn to ONNX: the same estimator gives the same bytes, in every process."""

from collections.abc import Sequence

import onnx
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.base import BaseEstimator

Inputs = Sequence[tuple[str, FloatTensorType | StringTensorType]]
"""Name and type of each input, in order."""


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
        fitted: What to convert.
        inputs: What it takes.
        name: Of the graph; skl2onnx would take a random one.
        opset: Version of ONNX's operators to write.
        classifier: The classifier in it, if there is one: its probabilities then come as a
            tensor of shape (rows, labels) instead of a list of maps.
    """
    options = None if classifier is None else {id(classifier): {"zipmap": False}}
    proto: onnx.ModelProto = to_onnx(
        fitted, initial_types=list(inputs), options=options, target_opset=opset, name=name
    )
    # skl2onnx keeps these in a set, whose order is another one in each process.
    proto.opset_import.sort(key=lambda entry: entry.domain)
    return proto


def encode(proto: onnx.ModelProto) -> bytes:
    """Write a model down, with its maps in a fixed order."""
    return bytes(proto.SerializeToString(deterministic=True))
