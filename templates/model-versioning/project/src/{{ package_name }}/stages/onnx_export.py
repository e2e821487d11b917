"""From scikit-learn to ONNX: the same estimator gives the same bytes."""

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import compose
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.base import BaseEstimator

from ..model import INPUT, LABEL, META, PROBABILITIES, Meta, session

OPSET = 21
FEATURES = "features"
_PREFIX = "classify_"


def featurizer(fitted: BaseEstimator, columns: int) -> bytes:
    """Export the step from rows, of shape (n, columns), to features."""
    return _bytes(_proto(fitted, INPUT, columns))


def featurize(content: bytes, values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Run an exported featurizer: the model learns from what it will really see.

    Args:
        content: The featurizer.
        values: Of shape (rows, columns).

    Returns:
        Features, of shape (rows, features).
    """
    (features,) = session(content).run(None, {INPUT: values.astype(np.float32)})
    return np.asarray(features, dtype=np.float32)


def whole(featurizer_content: bytes, fitted: BaseEstimator, features: int) -> onnx.ModelProto:
    """Join featurizer and classifier into one model, from rows to labels and probabilities."""
    first = onnx.load_from_string(featurizer_content)
    second = _proto(fitted, FEATURES, features, zipmap=False)
    second = compose.add_prefix(second, _PREFIX)
    joined = compose.merge_models(
        first, second, io_map=[(first.graph.output[0].name, _PREFIX + FEATURES)], name="model"
    )
    for name in (LABEL, PROBABILITIES):
        _rename_output(joined.graph, _PREFIX + name, name)
    return joined


def finish(proto: onnx.ModelProto, meta: Meta) -> bytes:
    """Put what the model says about itself into it."""
    onnx.helper.set_model_props(proto, {META: meta.model_dump_json()})
    return _bytes(proto)


def _proto(
    fitted: BaseEstimator, name: str, width: int, *, zipmap: bool | None = None
) -> onnx.ModelProto:
    options = None if zipmap is None else {id(fitted): {"zipmap": zipmap}}
    types = [(name, FloatTensorType([None, width]))]
    proto: onnx.ModelProto = to_onnx(
        fitted, initial_types=types, options=options, target_opset=OPSET, name="step"
    )
    # skl2onnx keeps these in a set, whose order is another one in each process.
    proto.opset_import.sort(key=lambda opset: opset.domain)
    return proto


def _bytes(proto: onnx.ModelProto) -> bytes:
    return bytes(proto.SerializeToString(deterministic=True))


def _rename_output(graph: onnx.GraphProto, old: str, new: str) -> None:
    for output in graph.output:
        if output.name == old:
            output.name = new
    for node in graph.node:
        node.output[:] = [new if name == old else name for name in node.output]
        node.input[:] = [new if name == old else name for name in node.input]
