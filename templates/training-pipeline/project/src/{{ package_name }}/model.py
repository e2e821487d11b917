"""A model that is ready to use: ONNX bytes that describe their own inputs and outputs.

Everything needed to use a model correctly is stored inside it, as ONNX metadata. So one function
can run both a challenger from minutes ago and a champion exported by last year's code.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnxruntime
import polars as pl
from numpy.typing import NDArray
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument, InvalidProtobuf
from pydantic import ValidationError
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.pipeline import Pipeline

from .config import Record, Task
from .contract import Contract
from .convert import convert, encode
from .errors import DataError, RegistryError
from .features import MISSING_CATEGORY, inputs
from .session import open_session
from .split import row_key
from .train import labels

OPSET = 21
METADATA_KEY = "pipeline"
CLASS_TOLERANCE = 1e-5
"""Largest allowed difference between a probability of the exported and of the fitted model."""
VALUE_TOLERANCE = 1e-4
"""The same for regression, relative to the largest prediction."""


class ModelMetadata(Record):
    """Metadata stored in the model file.

    Attributes:
        task: Classification or regression.
        labels: Names of the classes, in the order of the probabilities.
        kinds: Feature name -> `number` or `category`, in order.
        held_out: Rows with a position below this were not trained on.
        row_key: Columns that determine a row's position.
    """

    task: Task
    labels: tuple[str, ...]
    kinds: dict[str, str]
    held_out: float
    row_key: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Model:
    """A loaded model.

    Attributes:
        metadata: The metadata stored in the file.
        sha256: Digest of the file.
        session: Session of ONNX Runtime, single-threaded so that results are reproducible.
    """

    metadata: ModelMetadata
    sha256: str
    session: onnxruntime.InferenceSession


def export(pipeline: Pipeline, contract: Contract, task: Task, held_out: float) -> bytes:
    """Export a fitted pipeline to ONNX; the same pipeline gives the same bytes."""
    types = [
        (name, (FloatTensorType if column.kind == "number" else StringTensorType)([None, 1]))
        for name, column in contract.features.items()
    ]
    classifier = pipeline[-1] if task == "classification" else None
    proto = convert(pipeline, types, name="pipeline", opset=OPSET, classifier=classifier)
    metadata = ModelMetadata(
        task=task,
        labels=labels(contract),
        kinds={name: column.kind for name, column in contract.features.items()},
        held_out=held_out,
        row_key=tuple(row_key(contract)),
    )
    onnx.helper.set_model_props(proto, {METADATA_KEY: metadata.model_dump_json()})
    return encode(proto)


def load(content: bytes) -> Model:
    """Load a model.

    Raises:
        RegistryError: The bytes are not a model of this pipeline.
    """
    try:
        session = open_session(content)
        stored = session.get_modelmeta().custom_metadata_map[METADATA_KEY]
        metadata = ModelMetadata.model_validate_json(stored)
    except (Fail, InvalidArgument, InvalidProtobuf, KeyError, ValidationError) as error:
        raise RegistryError(f"not a model of this pipeline: {error}") from error
    return Model(metadata, hashlib.sha256(content).hexdigest(), session)


def predict(model: Model, frame: pl.DataFrame) -> NDArray[np.float64]:
    """Predict rows.

    Args:
        model: The model.
        frame: Typed rows with at least the model's feature columns.

    Returns:
        Probabilities of shape (rows, labels), or numbers of shape (rows,).

    Raises:
        DataError: A feature column is missing or of the wrong kind.
    """
    for name, kind in model.metadata.kinds.items():
        if name not in frame.columns:
            raise DataError(f"the model needs a column {name!r}, which is not in the data")
        if frame[name].dtype.is_numeric() != (kind == "number"):
            raise DataError(f"the model expects column {name!r} to be a {kind}; the data differs")
    feeds = {name: _tensor(frame[name], kind) for name, kind in model.metadata.kinds.items()}
    outputs: list[Any] = model.session.run(None, feeds)
    if model.metadata.task == "regression":
        return np.asarray(outputs[0], dtype=np.float64).reshape(-1)
    return np.asarray(outputs[1], dtype=np.float64)


def check_parity(
    model: Model, pipeline: Pipeline, frame: pl.DataFrame, contract: Contract
) -> float:
    """Compare the exported model with the fitted one.

    Args:
        model: The exported model.
        pipeline: The fitted pipeline.
        frame: Rows to compare on.
        contract: Their columns.

    Returns:
        The largest difference: of a probability, or for regression the relative difference.

    Raises:
        RegistryError: The difference is too large, or a predicted label differs.
    """
    exported = predict(model, frame)
    features = inputs(frame, contract)
    if model.metadata.task == "classification":
        fitted = pipeline.predict_proba(features)
        difference = float(np.abs(exported - fitted).max())
        same = bool((exported.argmax(axis=1) == fitted.argmax(axis=1)).all())
        tolerance = CLASS_TOLERANCE
    else:
        fitted = np.asarray(pipeline.predict(features)).reshape(-1)
        difference = float(np.abs(exported - fitted).max() / max(1.0, np.abs(fitted).max()))
        same, tolerance = True, VALUE_TOLERANCE
    if not same or difference > tolerance:
        raise RegistryError(
            f"the exported model differs from the fitted one by {difference:.2g}, more than the "
            f"allowed {tolerance:.0e}: choose an estimator that converts exactly"
        )
    return difference


def _tensor(series: pl.Series, kind: str) -> NDArray[Any]:
    if kind == "number":
        return series.cast(pl.Float32).fill_null(float("nan")).to_numpy().reshape(-1, 1)
    filled = series.fill_null(MISSING_CATEGORY).to_list()
    return np.array(filled, dtype=object).reshape(-1, 1)
