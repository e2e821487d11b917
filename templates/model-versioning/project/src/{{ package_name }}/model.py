"""A model that is ready for use: bytes of ONNX that know what they take and what they give.

What a model needs to be used rightly travels inside it, as ONNX metadata: the contract of its
inputs, and some rows with the answers it gave when it was made, so that it can test itself. ONNX
is a graph of arithmetic, which runs no code of its own when loaded, as a pickle does.
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
META = "card"
"""Key of the ONNX metadata that holds `Meta`."""
TOLERANCE = 1e-4
"""How much a probability may differ from what it was when the model was made."""


class Example(BaseModel):
    """A row that the model had never seen, and what it said of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    label: str
    values: tuple[float, ...]
    predicted: str
    probability: float


class Meta(BaseModel):
    """What a model says about itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    contract: Contract
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class Model:
    """A loaded model.

    Attributes:
        meta: What it says about itself.
        md5: Digest of its bytes, the one that DVC knows it by.
        session: ONNX Runtime's, on one thread so that sums come out the same every time.
    """

    meta: Meta
    md5: str
    session: onnxruntime.InferenceSession


@dataclass(frozen=True, slots=True)
class Predictions:
    """Answers, one per row.

    Attributes:
        labels: The likeliest label.
        probabilities: Of every label of the contract, in its order; shape (rows, labels).
    """

    labels: tuple[str, ...]
    probabilities: NDArray[np.float64]


def load(content: bytes) -> Model:
    """Make a model ready for use.

    Raises:
        ModelError: The bytes are no model of this project.
    """
    try:
        opened = open_session(content)
        meta = Meta.model_validate_json(opened.get_modelmeta().custom_metadata_map[META])
    except (Fail, InvalidArgument, InvalidProtobuf, KeyError, ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(f"this is no model of this project: {reason}") from error
    return Model(meta, md5(content), opened)


def predict(model: Model, values: NDArray[np.float64]) -> Predictions:
    """Predict rows that fit the model's contract.

    Args:
        model: The model.
        values: Their numbers, of shape (rows, columns).
    """
    outputs: list[Any] = model.session.run(
        [LABEL, PROBABILITIES], {INPUT: values.astype(np.float32)}
    )
    names = model.meta.contract.labels
    codes = np.asarray(outputs[0]).reshape(-1)
    return Predictions(tuple(names[int(code)] for code in codes), np.asarray(outputs[1], float))


def examples(model: Model) -> Table:
    """Give the rows that travel with the model."""
    rows = model.meta.examples
    return Table(
        tuple(row.id for row in rows),
        tuple(row.label for row in rows),
        tuple(model.meta.contract.limits),
        np.array([row.values for row in rows], dtype=np.float64),
    )


def check(model: Model) -> None:
    """Let the model answer the rows that travel with it, as it did when it was made.

    Raises:
        ModelError: It answers differently here.
    """
    answers = predict(model, examples(model).values)
    for example, label, chances in zip(
        model.meta.examples, answers.labels, answers.probabilities, strict=True
    ):
        if label != example.predicted or abs(chances.max() - example.probability) > TOLERANCE:
            raise ModelError(
                f"the model says {label} ({chances.max():.4f}) of {example.id}; when it was made "
                f"it said {example.predicted} ({example.probability:.4f})"
            )


def md5(content: bytes) -> str:
    """Digest bytes as DVC does: to tell versions apart, not to keep anything safe."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
