"""Reads batches of predictions and labels: good rows go on, each bad one with its reason."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

import orjson
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from ..records import Label, Malformed, Prediction, Value
from ..web.problems import Problem, field_errors

_SHOWN = 1000
"""Letters of a bad row that are kept."""

Identity = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]
Text = Annotated[str, Field(strict=True, max_length=1000, pattern=r"^[^\x00]*$")]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Flag = Annotated[bool, Field(strict=True)]
_ROW = ConfigDict(extra="forbid")


class PredictionRow(BaseModel):
    """One answer that the monitored model gave."""

    model_config = _ROW

    id: Annotated[Identity, Field(description="Yours, and unique: sent twice, it counts once")]
    happened_at: Annotated[
        AwareDatetime | None, Field(description="With a time zone; now, if left out")
    ] = None
    features: dict[Identity, Text | Number | Flag | None]
    prediction: Annotated[Text | Number, Field(description="A class, or a number")]
    score: Annotated[
        Number | None, Field(ge=0, le=1, description="How sure the model is of that class")
    ] = None

    def record(self, now: datetime) -> Prediction:
        """As the monitor keeps it."""
        features: dict[str, Value] = dict(self.features)
        at = self.happened_at or now
        return Prediction(self.id, at, features, self.prediction, self.score)


class LabelRow(BaseModel):
    """What turned out to be true for one prediction."""

    model_config = _ROW

    id: Annotated[Identity, Field(description="Of the prediction, which may come later")]
    label: Annotated[Text | Number, Field(description="The true class, or the true number")]

    def record(self, now: datetime) -> Label:  # noqa: ARG002 - as PredictionRow has it
        """As the monitor keeps it."""
        return Label(self.id, self.label)


class Refusal(BaseModel):
    """A row that was not taken: which one, and why. It is kept in quarantine."""

    index: int
    reason: str


class Receipt(BaseModel):
    """What became of a batch."""

    added: Annotated[int, Field(description="New rows")]
    known: Annotated[int, Field(description="Rows that had been sent before, the same")]
    quarantined: Annotated[int, Field(description="Rows that were refused")]
    refused: Annotated[list[Refusal], Field(description="The first of those")]


R = TypeVar("R", Prediction, Label)


@dataclass(frozen=True)
class Batch(Generic[R]):
    """The rows of a request in their order, the bad ones as such."""

    rows: list[R | Malformed]
    refused: list[Refusal]


def predictions(body: bytes, most: int, now: datetime) -> Batch[Prediction]:
    """Read `{"predictions": [...]}`.

    Raises:
        Problem: It is no such thing, or has more rows than `most`.
    """

    def one(row: Any) -> Prediction:
        return PredictionRow.model_validate(row).record(now)

    return read_rows(_rows(body, "predictions", most), one)


def labels(body: bytes, most: int, now: datetime) -> Batch[Label]:
    """Read `{"labels": [...]}`.

    Raises:
        Problem: It is no such thing, or has more rows than `most`.
    """

    def one(row: Any) -> Label:
        return LabelRow.model_validate(row).record(now)

    return read_rows(_rows(body, "labels", most), one)


def _rows(body: bytes, name: str, most: int) -> list[Any]:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Problem(400, f"The body is not JSON: {error}") from error
    rows = content.get(name) if isinstance(content, dict) and set(content) == {name} else None
    if not isinstance(rows, list) or not rows:
        raise Problem(422, f'The body must be an object {{"{name}": [...]}} with at least one row.')
    if len(rows) > most:
        raise Problem(413, f"{len(rows)} rows at once; at most {most} are taken.")
    return rows


def read_rows(rows: Sequence[Any], one: Callable[[Any], R]) -> Batch[R]:
    """Read each row with `one`; what it refuses by a `ValidationError` is kept as malformed."""
    batch: Batch[R] = Batch([], [])
    for index, row in enumerate(rows):
        try:
            batch.rows.append(one(row))
        except ValidationError as error:
            reason = _reason(error)
            batch.rows.append(Malformed(reason, orjson.dumps(row).decode()[:_SHOWN]))
            batch.refused.append(Refusal(index=index, reason=reason))
    return batch


def _reason(error: ValidationError) -> str:
    """The first thing that is wrong with a row."""
    [first, *_] = field_errors(error.errors(include_url=False, include_input=False))
    return f"{first['pointer'] or 'the row'}: {first['detail']}"
