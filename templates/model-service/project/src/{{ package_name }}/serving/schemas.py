"""Request and response bodies; the request schema is built from the model's manifest."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, FailFast, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from ..manifest import Feature, Manifest, Value
from ..web.problems import Problem, field_errors

_FLOAT32_MAX = float(np.finfo(np.float32).max)
_STRICT = ConfigDict(extra="forbid", strict=True)


@dataclass(frozen=True, slots=True)
class Prediction:
    """The prediction for one row.

    Attributes:
        label: The most probable label.
        probabilities: The probability of each label; they sum to 1.
        out_of_range: Features with values outside the range seen in training. The prediction
            is then a guess, however high its probability.
    """

    label: str
    probabilities: dict[str, float]
    out_of_range: list[str]


@dataclass(frozen=True, slots=True)
class Predictions:
    """The response to a request: one prediction per row, in order, all by the same model."""

    model_version: str
    predictions: list[Prediction]


class ModelDescription(BaseModel):
    """The model being served, and why the last published one was refused, if it was."""

    manifest: Manifest
    refused: str | None


class RowParser:
    """Validates request bodies against a manifest, straight from bytes.

    A row is an object with one value per feature or, for images, an array of pixels.

    Args:
        manifest: The manifest of the model that will predict the rows.
        max_rows: The most rows in one request.
    """

    def __init__(self, manifest: Manifest, max_rows: int) -> None:
        self._keyed = manifest.image is None
        row: Any = _row_type(manifest)
        rows: Any = Annotated[list[row], FailFast(), Field(min_length=1, max_length=max_rows)]
        self._adapter: TypeAdapter[dict[str, list[Any]]] = TypeAdapter(
            _record("PredictRequest", {"rows": rows})
        )
        self.example = {
            "rows": [request_row(manifest, example.row) for example in manifest.examples[:1]]
        }

    def parse(self, body: bytes) -> list[list[Value]]:
        """Return the rows of a request, with values in the order of the manifest's features.

        Raises:
            Problem: 400 if the body is not JSON, 422 if it is not valid input for the model.
        """
        try:
            rows = self._adapter.validate_json(body)["rows"]
        except ValidationError as error:
            raise _problem(error) from None
        # Validation has put the keys in the order of the features.
        return [list(row.values()) for row in rows] if self._keyed else rows

    def json_schema(self) -> dict[str, Any]:
        """Return the JSON schema of a request, with a valid example."""
        schema = self._adapter.json_schema(ref_template="#/components/schemas/{model}")
        return {**schema, "examples": [self.example]}


def request_row(manifest: Manifest, values: tuple[Value, ...]) -> dict[str, Value] | list[Value]:
    """Convert a row to the form that requests use."""
    if manifest.image is not None:
        return list(values)
    return dict(zip((f.name for f in manifest.features), values, strict=True))


def _row_type(manifest: Manifest) -> Any:
    """Return the type of a row: pixels, or an object with the features as keys."""
    if manifest.image is None:
        return _record("Row", {f.name: _value_type(f) for f in manifest.features})
    pixels = len(manifest.features)
    pixel: Any = _value_type(manifest.features[0])
    return Annotated[list[pixel], FailFast(), Field(min_length=pixels, max_length=pixels)]


def _record(name: str, fields: dict[str, Any]) -> Any:
    """Create a typed dictionary at run time, with exactly these keys."""
    typed_dict: Any = TypedDict
    record = typed_dict(name, fields)
    record.__pydantic_config__ = _STRICT
    return record


def _value_type(feature: Feature) -> Any:
    """Return the type of one value, described by what training saw."""
    kind: Any
    if feature.kind == "categorical":
        kind = Literal[feature.categories]
        note = "one of the categories in the training data"
    else:
        kind = Annotated[
            float, Field(allow_inf_nan=False, ge=-_FLOAT32_MAX, le=_FLOAT32_MAX, strict=True)
        ]
        note = f"{feature.minimum:g} to {feature.maximum:g} in the training data"
    if feature.nullable:
        kind = kind | None
    return Annotated[kind, Field(description=note, examples=[feature.example])]


def _problem(error: ValidationError) -> Problem:
    details = error.errors(include_url=False, include_input=False, include_context=False)
    if details[0]["type"] == "json_invalid":
        return Problem(400, f"The body is not JSON: {details[0]['msg'].partition(': ')[2]}")
    return Problem(422, "The rows are not valid input for the model.", errors=field_errors(details))
