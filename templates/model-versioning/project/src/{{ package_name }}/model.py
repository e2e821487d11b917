"""A model that is ready to use: ONNX bytes that describe their own inputs and outputs.

Everything needed to use a model correctly is stored inside it, as ONNX metadata: the contract of
its inputs, and example rows with the predictions from when it was trained, so that it can test
itself. ONNX is a graph of arithmetic: unlike a pickle, it executes no code when it is loaded.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument, InvalidProtobuf
from pydantic import BaseModel, ConfigDict, ValidationError

from .data.contract import Contract
from .data.table import Table
from .errors import ModelError
from .session import open_session

INPUT = "rows"
LABEL = "label"
PROBABILITIES = "probabilities"
METADATA_KEY = "card"
"""Key of the ONNX metadata property with `ModelMetadata`."""
TOLERANCE = 1e-4
"""How much a probability may differ from the one that was stored at training time."""


class Example(BaseModel):
    """A held-out row and the model's prediction for it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    label: str
    values: tuple[float, ...]
    predicted: str
    probability: float


class ModelMetadata(BaseModel):
    """Metadata stored in the model file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    contract: Contract
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class Model:
    """A loaded model.

    Attributes:
        metadata: The metadata stored in the file.
        md5: Digest of the file, as DVC computes it.
        session: Session of ONNX Runtime, single-threaded so that results are reproducible.
    """

    metadata: ModelMetadata
    md5: str
    session: onnxruntime.InferenceSession


@dataclass(frozen=True, slots=True)
class Predictions:
    """Predictions, one per row.

    Attributes:
        labels: The most likely label.
        probabilities: Probability of each label, in the contract's order; shape (rows, labels).
    """

    labels: tuple[str, ...]
    probabilities: NDArray[np.float64]


def load(content: bytes) -> Model:
    """Load a model.

    Raises:
        ModelError: The bytes are not a model of this project.
    """
    try:
        session = open_session(content)
        stored = session.get_modelmeta().custom_metadata_map[METADATA_KEY]
        metadata = ModelMetadata.model_validate_json(stored)
    except (Fail, InvalidArgument, InvalidProtobuf, KeyError, ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(f"not a model of this project: {reason}") from error
    return Model(metadata, md5(content), session)


def predict(model: Model, values: NDArray[np.float64]) -> Predictions:
    """Predict rows that satisfy the model's contract.

    Args:
        model: The model.
        values: The rows' numbers, of shape (rows, columns).
    """
    outputs: list[Any] = model.session.run(
        [LABEL, PROBABILITIES], {INPUT: values.astype(np.float32)}
    )
    names = model.metadata.contract.labels
    codes = np.asarray(outputs[0]).reshape(-1)
    return Predictions(tuple(names[int(code)] for code in codes), np.asarray(outputs[1], float))


def examples(model: Model) -> Table:
    """Return the example rows stored in the model."""
    rows = model.metadata.examples
    return Table(
        tuple(row.id for row in rows),
        tuple(row.label for row in rows),
        tuple(model.metadata.contract.limits),
        np.array([row.values for row in rows], dtype=np.float64),
    )


def self_check(model: Model) -> None:
    """Predict the model's own examples and compare with the stored predictions.

    Raises:
        ModelError: A prediction differs on this machine.
    """
    predictions = predict(model, examples(model).values)
    for example, label, probabilities in zip(
        model.metadata.examples, predictions.labels, predictions.probabilities, strict=True
    ):
        probability = probabilities.max()
        if label != example.predicted or abs(probability - example.probability) > TOLERANCE:
            raise ModelError(
                f"the model predicts {label} ({probability:.4f}) for {example.id}; when it was "
                f"trained it predicted {example.predicted} ({example.probability:.4f})"
            )


def md5(content: bytes) -> str:
    """Compute the digest that DVC uses: it identifies content, it does not protect it."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
