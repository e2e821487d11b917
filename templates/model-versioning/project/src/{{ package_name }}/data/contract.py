"""The data contract. People write it in `contract.yaml`; each model contains a copy."""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
    with_config,
)
from typing_extensions import TypedDict

from ..errors import DataError

MAX_LISTED = 10
"""How many of the invalid cells a message lists."""
PIXEL_MAX = 255


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Limits(_Record):
    """Smallest and largest allowed value of a column, both inclusive."""

    min: float
    max: float


class Image(_Record):
    """Size in pixels of the grayscale images."""

    height: int = Field(ge=1, le=64)
    width: int = Field(ge=1, le=64)


class Contract(_Record):
    """The contract that all data has to satisfy.

    Attributes:
        labels: Allowed labels.
        columns: Limits of each numeric column, for a table.
        image: Size of the images, for images.
    """

    labels: tuple[str, ...] = Field(min_length=2)
    columns: dict[str, Limits] = {}
    image: Image | None = None

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if bool(self.columns) == (self.image is not None):
            raise ValueError("give either columns (a table) or image (images)")
        if taken := {"id", "label"} & set(self.columns):
            raise ValueError(f"{taken.pop()!r} is reserved and cannot be a numeric column")
        if len(set(self.labels)) < len(self.labels):
            raise ValueError("labels contain duplicates")
        return self

    @property
    def kind(self) -> Literal["tabular", "images"]:
        """Kind of the rows."""
        return "tabular" if self.image is None else "images"

    @property
    def limits(self) -> dict[str, Limits]:
        """Limits of every number in a row, in order; for images, `p<row>_<column>` per pixel."""
        if self.image is None:
            return dict(self.columns)
        pixel = Limits(min=0, max=PIXEL_MAX)
        return {
            f"p{row}_{column}": pixel
            for row in range(self.image.height)
            for column in range(self.image.width)
        }

    def check(self, rows: list[dict[str, Any]], *, labelled: bool) -> list[dict[str, Any]]:
        """Validate rows and convert them to their types.

        Args:
            rows: One mapping per row, with `id`, the columns and, if `labelled`, `label`.
            labelled: Whether the rows must have a label.

        Raises:
            DataError: A row violates the contract; the message lists the first problems.
        """
        _check_ids(rows)
        try:
            return [dict(row) for row in _validator(self, labelled=labelled).validate_python(rows)]
        except ValidationError as error:
            problems = error.errors(include_url=False, include_context=False)
        lines = [_describe(rows, problem) for problem in problems[:MAX_LISTED]]
        more = len(problems) - len(lines)
        raise DataError(
            f"{len(problems)} values violate the contract:\n  "
            + "\n  ".join([*lines, *([f"... and {more} more"] if more else [])])
        )


def parse(data: object, name: str) -> Contract:
    """Validate a contract that was parsed from YAML or JSON.

    Raises:
        DataError: It is not a valid contract; `name` is its source in the message.
    """
    try:
        return Contract.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise DataError(f"{name} is not a valid contract: {where}: {first['msg']}") from None


def _validator(contract: Contract, *, labelled: bool) -> TypeAdapter[list[dict[str, Any]]]:
    """Build pydantic's validator for rows of the contract."""
    fields: dict[str, Any] = {"id": Annotated[str, Field(min_length=1)]}
    if labelled:
        fields["label"] = Literal[contract.labels]
    for name, limits in contract.limits.items():
        bounds = Field(ge=limits.min, le=limits.max, allow_inf_nan=False)
        fields[name] = Annotated[float, bounds, BeforeValidator(_require_value)]
    # A TypedDict, because column names may be any text, which attribute names may not.
    row = TypedDict("row", fields)  # type: ignore[misc] # keys from the contract
    config = ConfigDict(extra="forbid" if labelled else "ignore")
    return TypeAdapter(list[with_config(config)(row)])  # type: ignore[misc, arg-type] # defined above


def _require_value(value: object) -> object:
    if value is None or value == "":
        raise ValueError("the value is missing")
    return value


def _check_ids(rows: list[dict[str, Any]]) -> None:
    seen: set[str] = set()
    for row in rows:
        row_id = str(row.get("id", ""))
        if row_id in seen:
            raise DataError(f"two rows have the id {row_id!r}: ids must be unique")
        seen.add(row_id)


def _describe(rows: list[dict[str, Any]], problem: Any) -> str:
    index, *path = problem["loc"]
    column = str(path[0]) if path else "the row"
    value = rows[index].get(column)
    return f"row {rows[index].get('id') or index + 1}, {column} = {value!r}: {problem['msg']}"
