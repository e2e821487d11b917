"""Parses batches of predictions and labels; each malformed row is kept with the reason."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

import orjson
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from ..records import Label, MalformedRow, Prediction, Value
from ..web.problems import Problem, field_errors

_MAX_CONTENT = 1000
"""Maximum number of characters that are kept of a malformed row."""

Identifier = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]
Text = Annotated[str, Field(strict=True, max_length=1000, pattern=r"^[^\x00]*$")]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Flag = Annotated[bool, Field(strict=True)]
_ROW = ConfigDict(extra="forbid")


class PredictionRow(BaseModel):
    """One prediction of the monitored model."""

    model_config = _ROW

    id: Annotated[Identifier, Field(description="Chosen by you; must be unique")]
    happened_at: Annotated[
        AwareDatetime | None, Field(description="With a time zone; default: now")
    ] = None
    features: dict[Identifier, Text | Number | Flag | None]
    prediction: Annotated[Text | Number, Field(description="A class or a number")]
    score: Annotated[
        Number | None, Field(ge=0, le=1, description="The model's confidence in that class")
    ] = None

    def record(self, now: datetime) -> Prediction:
        """Convert the row to a record."""
        features: dict[str, Value] = dict(self.features)
        at = self.happened_at or now
        return Prediction(self.id, at, features, self.prediction, self.score)


class LabelRow(BaseModel):
    """The true outcome for one prediction."""

    model_config = _ROW

    id: Annotated[Identifier, Field(description="The prediction's id; it may arrive later")]
    label: Annotated[Text | Number, Field(description="The true class or number")]

    def record(self, now: datetime) -> Label:  # noqa: ARG002 - same signature as PredictionRow
        """Convert the row to a record."""
        return Label(self.id, self.label)


class Refusal(BaseModel):
    """A row that was refused and moved to quarantine: its index and the reason."""

    index: int
    reason: str


class Receipt(BaseModel):
    """The result of ingesting a batch."""

    added: Annotated[int, Field(description="New rows")]
    known: Annotated[int, Field(description="Rows that had been sent before")]
    quarantined: Annotated[int, Field(description="Rows that were refused")]
    refused: Annotated[list[Refusal], Field(description="The first of the refused rows")]


R = TypeVar("R", Prediction, Label)


@dataclass(frozen=True)
class Batch(Generic[R]):
    """The rows of a request, in order, including malformed ones."""

    rows: list[R | MalformedRow]
    refused: list[Refusal]


def parse_predictions(body: bytes, max_rows: int, now: datetime) -> Batch[Prediction]:
    """Parse `{"predictions": [...]}`.

    Raises:
        Problem: The body is invalid or has more rows than `max_rows`.
    """

    def parse(row: Any) -> Prediction:
        return PredictionRow.model_validate(row).record(now)

    return parse_rows(_rows(body, "predictions", max_rows), parse)


def parse_labels(body: bytes, max_rows: int, now: datetime) -> Batch[Label]:
    """Parse `{"labels": [...]}`.

    Raises:
        Problem: The body is invalid or has more rows than `max_rows`.
    """

    def parse(row: Any) -> Label:
        return LabelRow.model_validate(row).record(now)

    return parse_rows(_rows(body, "labels", max_rows), parse)


def _rows(body: bytes, name: str, max_rows: int) -> list[Any]:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Problem(400, f"The body is not JSON: {error}") from error
    rows = content.get(name) if isinstance(content, dict) and set(content) == {name} else None
    if not isinstance(rows, list) or not rows:
        raise Problem(422, f'The body must be an object {{"{name}": [...]}} with at least one row.')
    if len(rows) > max_rows:
        raise Problem(413, f"{len(rows)} rows in one request; the limit is {max_rows}.")
    return rows


def parse_rows(rows: Sequence[Any], parse: Callable[[Any], R]) -> Batch[R]:
    """Parse each row; a row that raises a `ValidationError` is kept as malformed."""
    batch: Batch[R] = Batch([], [])
    for index, row in enumerate(rows):
        try:
            batch.rows.append(parse(row))
        except ValidationError as error:
            reason = _reason(error)
            batch.rows.append(MalformedRow(reason, orjson.dumps(row).decode()[:_MAX_CONTENT]))
            batch.refused.append(Refusal(index=index, reason=reason))
    return batch


def _reason(error: ValidationError) -> str:
    """The first error in a row."""
    [first, *_] = field_errors(error.errors(include_url=False, include_input=False))
    return f"{first['pointer'] or 'the row'}: {first['detail']}"
