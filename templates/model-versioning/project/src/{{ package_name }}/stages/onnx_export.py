"""Exports featurizer and classifier to ONNX, and merges both into one model."""

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import compose
from skl2onnx.common.data_types import FloatTensorType
from sklearn.base import BaseEstimator

from ..model import INPUT, LABEL, METADATA_KEY, PROBABILITIES, ModelMetadata
from ..session import open_session
from .convert import convert, encode

OPSET = 21
FEATURES = "features"
_PREFIX = "classify_"


def featurizer(fitted: BaseEstimator, columns: int) -> bytes:
    """Export the transformation from rows, of shape (n, columns), to features."""
    return encode(_convert(fitted, INPUT, columns))


def featurize(content: bytes, values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Run an exported featurizer, so the model is trained on the features it will receive.

    Args:
        content: The featurizer.
        values: Numbers of shape (rows, columns).

    Returns:
        Features, of shape (rows, features).
    """
    (features,) = open_session(content).run(None, {INPUT: values.astype(np.float32)})
    return np.asarray(features, dtype=np.float32)


def merge(featurizer_content: bytes, fitted: BaseEstimator, features: int) -> onnx.ModelProto:
    """Merge featurizer and classifier into one model, from rows to labels and probabilities."""
    first = onnx.load_from_string(featurizer_content)
    second = _convert(fitted, FEATURES, features, classifier=fitted)
    second = compose.add_prefix(second, _PREFIX)
    merged = compose.merge_models(
        first, second, io_map=[(first.graph.output[0].name, _PREFIX + FEATURES)], name="model"
    )
    for name in (LABEL, PROBABILITIES):
        _rename_output(merged.graph, _PREFIX + name, name)
    return merged


def with_metadata(proto: onnx.ModelProto, metadata: ModelMetadata) -> bytes:
    """Store metadata in a model and serialize it."""
    onnx.helper.set_model_props(proto, {METADATA_KEY: metadata.model_dump_json()})
    return encode(proto)


def _convert(
    fitted: BaseEstimator, name: str, width: int, classifier: BaseEstimator | None = None
) -> onnx.ModelProto:
    types = [(name, FloatTensorType([None, width]))]
    return convert(fitted, types, name="step", opset=OPSET, classifier=classifier)


def _rename_output(graph: onnx.GraphProto, old: str, new: str) -> None:
    for output in graph.output:
        if output.name == old:
            output.name = new
    for node in graph.node:
        node.output[:] = [new if name == old else name for name in node.output]
        node.input[:] = [new if name == old else name for name in node.input]
