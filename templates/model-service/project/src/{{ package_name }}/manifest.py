"""What a trained model is: its inputs, its outputs, its metrics and its origin.

The manifest is the contract between training, which writes it, and serving, whose request
schema, documentation and page are all derived from it. Nothing here needs scikit-learn.
"""

import hashlib
from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

MATRIX_INPUT = "features"
LABEL_OUTPUT = "label"
PROBABILITIES_OUTPUT = "probabilities"
MISSING_CATEGORY = ""
"""Stands for a missing value in a categorical column: ONNX text tensors have no null."""

Value = float | str | None
"""One cell of a table: a number, a category or a missing value."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class Feature(_Record):
    """One input column.

    Attributes:
        name: Its name in the training data, and in requests.
        kind: `numeric` (a finite number) or `categorical` (one of `categories`).
        nullable: Whether the training data has missing values here; then requests may, too.
        minimum: The smallest number seen in training; only for `numeric`.
        maximum: The largest number seen in training; only for `numeric`.
        categories: The values seen in training, sorted; only for `categorical`.
        example: A typical value: the median, or the most frequent category.
    """

    name: str = Field(min_length=1)
    kind: Literal["numeric", "categorical"]
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    categories: tuple[str, ...] = ()
    example: float | str

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        numeric = self.kind == "numeric"
        if numeric != (self.minimum is not None and self.maximum is not None):
            raise ValueError("numeric features, and only these, have a minimum and a maximum")
        if numeric == bool(self.categories):
            raise ValueError("categorical features, and only these, have categories")
        if isinstance(self.example, str) == numeric:
            raise ValueError("the example must be a number or a category, depending on `kind`")
        return self


class Schema(_Record):
    """The inputs and outputs of a model: everything that requests depend on.

    Attributes:
        target: The name of what is predicted.
        features: The inputs, in the order of the values in a row.
        labels: The names of the classes; the model's `label` output is an index into them, and
            column `i` of its `probabilities` output (rows, labels) belongs to `labels[i]`.
        image: Height and width if the features are the pixels of an image, row by row.
    """

    target: str
    features: tuple[Feature, ...] = Field(min_length=1)
    labels: tuple[str, ...] = Field(min_length=2)
    image: tuple[int, int] | None = None

    @model_validator(mode="after")
    def _check_consistency(self) -> Self:
        names = {feature.name for feature in self.features}
        if len(names) < len(self.features):
            raise ValueError("two features have the same name")
        if len(set(self.labels)) < len(self.labels):
            raise ValueError("two labels have the same name")
        if self.image is not None and self.image[0] * self.image[1] != len(names):
            raise ValueError("the size of the image does not match the number of features")
        return self

    @property
    def layout(self) -> Literal["matrix", "columns"]:
        """The form in which the ONNX model takes rows.

        `matrix`: one float32 input `features` of shape (rows, features). `columns`: one input
        per feature, `column_0`, `column_1`..., of shape (rows, 1), float32 or text.
        """
        numeric = all(feature.kind == "numeric" for feature in self.features)
        return "matrix" if numeric else "columns"

    @property
    def input_names(self) -> tuple[str, ...]:
        """The names of the ONNX inputs, in the order of `features`."""
        if self.layout == "matrix":
            return (MATRIX_INPUT,)
        return tuple(f"column_{index}" for index in range(len(self.features)))


class Example(_Record):
    """A held-out row with its true label, for the docs, the page and the load test."""

    row: tuple[Value, ...]
    label: str


class Dataset(_Record):
    """The data the model was trained and evaluated on."""

    name: str
    sha256: str
    rows: int
    train_rows: int
    held_out_rows: int


class ModelFile(_Record):
    """The model file and the estimator it was exported from."""

    sha256: str
    size: int
    estimator: str
    parameters: dict[str, str | int | float | bool | None]


class LabelMetrics(_Record):
    """Held-out metrics of one label."""

    label: str
    precision: float
    recall: float
    rows: int


class Metrics(_Record):
    """How good the model is: all but `cv_*` are measured on held-out rows."""

    cv_folds: int
    cv_accuracy: float
    cv_accuracy_std: float
    candidates: dict[str, float]
    accuracy: float
    balanced_accuracy: float
    macro_f1: float
    log_loss: float
    baseline_accuracy: float
    onnx_max_difference: float
    per_label: tuple[LabelMetrics, ...]


class Provenance(_Record):
    """What it takes to reproduce this model."""

    seed: int
    git_commit: str | None
    git_dirty: bool | None
    python: str
    libraries: dict[str, str]


class Manifest(Schema):
    """Everything that serving needs and people want to know about a model."""

    format: Literal[1] = 1
    version: str
    examples: tuple[Example, ...] = Field(min_length=1)
    dataset: Dataset
    model: ModelFile
    metrics: Metrics
    provenance: Provenance

    @model_validator(mode="after")
    def _check_version(self) -> Self:
        if any(len(example.row) != len(self.features) for example in self.examples):
            raise ValueError("an example has more or fewer values than there are features")
        if self.version != content_version(self, self.model.sha256):
            raise ValueError("the version does not match the contents")
        return self


def content_version(schema: Schema, model_sha256: str) -> str:
    """Return a digest of everything a caller can notice: the model, its inputs and its outputs.

    Returns:
        16 hexadecimal digits.
    """
    contract = schema.model_dump_json(include=set(Schema.model_fields))
    return hashlib.sha256(f"{model_sha256} {contract}".encode()).hexdigest()[:16]


def encode(schema: Schema, rows: Sequence[Sequence[Value]]) -> dict[str, NDArray[Any]]:
    """Convert rows to the inputs of the ONNX model, for training and serving alike.

    Args:
        schema: The model's manifest, or just its schema.
        rows: Values in the order of `schema.features`; `None` where a value is missing.

    Returns:
        Input name -> tensor, ready for `InferenceSession.run`.
    """
    if schema.layout == "matrix":
        return {MATRIX_INPUT: np.array(rows, dtype=np.float32)}
    tensors: dict[str, NDArray[Any]] = {}
    columns = zip(*rows, strict=True)
    for name, feature, column in zip(schema.input_names, schema.features, columns, strict=True):
        if feature.kind == "numeric":
            tensor = np.array(column, dtype=np.float32)
        else:
            filled = [MISSING_CATEGORY if value is None else value for value in column]
            tensor = np.array(filled, dtype=object)
        tensors[name] = tensor.reshape(-1, 1)
    return tensors
