"""A model that is ready for use: bytes of ONNX that know what they take and what they give.

What a model needs to be used rightly travels inside it, as ONNX metadata. So the same function
judges a challenger that is minutes old and a champion that was made by last year's code.
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
from .split import told_apart_by
from .train import labels

OPSET = 21
META = "pipeline"
CLASS_TOLERANCE = 1e-5
"""Largest difference in a probability between the exported model and scikit-learn's."""
VALUE_TOLERANCE = 1e-4
"""The same for numbers, relative to the largest one."""


class Meta(Record):
    """What a model says about itself.

    Attributes:
        task: Classification or regression.
        labels: Names of the classes, in the order of the probabilities.
        kinds: Feature name -> `number` or `category`, in order.
        held_out: Rows whose position is below this were never learnt.
        told_apart_by: Columns that decide a row's position.
    """

    task: Task
    labels: tuple[str, ...]
    kinds: dict[str, str]
    held_out: float
    told_apart_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Model:
    """A loaded model.

    Attributes:
        meta: What it says about itself.
        sha256: Digest of its bytes.
        session: ONNX Runtime's, on one thread so that sums come out the same every time.
    """

    meta: Meta
    sha256: str
    session: onnxruntime.InferenceSession


def export(pipeline: Pipeline, contract: Contract, task: Task, held_out: float) -> bytes:
    """Convert a fitted pipeline to ONNX; the same pipeline gives the same bytes."""
    types = [
        (name, (FloatTensorType if column.kind == "number" else StringTensorType)([None, 1]))
        for name, column in contract.features.items()
    ]
    classifier = pipeline[-1] if task == "classification" else None
    proto = convert(pipeline, types, name="pipeline", opset=OPSET, classifier=classifier)
    meta = Meta(
        task=task,
        labels=labels(contract),
        kinds={name: column.kind for name, column in contract.features.items()},
        held_out=held_out,
        told_apart_by=tuple(told_apart_by(contract)),
    )
    onnx.helper.set_model_props(proto, {META: meta.model_dump_json()})
    return encode(proto)


def load(content: bytes) -> Model:
    """Make a model ready for use.

    Raises:
        RegistryError: The bytes are no model of this pipeline.
    """
    try:
        session = open_session(content)
        meta = Meta.model_validate_json(session.get_modelmeta().custom_metadata_map[META])
    except (Fail, InvalidArgument, InvalidProtobuf, KeyError, ValidationError) as error:
        raise RegistryError(f"this is no model of this pipeline: {error}") from error
    return Model(meta, hashlib.sha256(content).hexdigest(), session)


def predict(model: Model, frame: pl.DataFrame) -> NDArray[np.float64]:
    """Predict rows.

    Args:
        model: The model.
        frame: Typed rows with at least the columns that the model knows.

    Returns:
        Probabilities of shape (rows, labels), or numbers of shape (rows,).

    Raises:
        DataError: A column that the model needs is missing or of another kind.
    """
    for name, kind in model.meta.kinds.items():
        if name not in frame.columns:
            raise DataError(f"the model needs a column {name!r}, which the data does not have")
        if frame[name].dtype.is_numeric() != (kind == "number"):
            raise DataError(f"the model takes column {name!r} for a {kind}, the data does not")
    feeds = {name: _tensor(frame[name], kind) for name, kind in model.meta.kinds.items()}
    outputs: list[Any] = model.session.run(None, feeds)
    if model.meta.task == "regression":
        return np.asarray(outputs[0], dtype=np.float64).reshape(-1)
    return np.asarray(outputs[1], dtype=np.float64)


def check_parity(
    model: Model, pipeline: Pipeline, frame: pl.DataFrame, contract: Contract
) -> float:
    """Hold the exported model against the one that was fitted.

    Args:
        model: The exported model.
        pipeline: The fitted one.
        frame: Rows to compare on.
        contract: Their columns.

    Returns:
        The largest difference: of probabilities, or relative of numbers.

    Raises:
        RegistryError: It is too large, or a label differs.
    """
    exported = predict(model, frame)
    features = inputs(frame, contract)
    if model.meta.task == "classification":
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
            f"the exported model differs from the fitted one by {difference:.2g}, "
            f"allowed is {tolerance:.0e}: choose an estimator that converts exactly"
        )
    return difference


def _tensor(series: pl.Series, kind: str) -> NDArray[Any]:
    if kind == "number":
        return series.cast(pl.Float32).fill_null(float("nan")).to_numpy().reshape(-1, 1)
    filled = series.fill_null(MISSING_CATEGORY).to_list()
    return np.array(filled, dtype=object).reshape(-1, 1)
