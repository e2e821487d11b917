"""The contract: what the data must be. People write it in `contract.yaml`; models carry a copy."""

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

SHOWN = 10
"""How many of the bad cells a message names."""
PIXEL_MAX = 255


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Limits(_Record):
    """Least and greatest value of a column; both are allowed."""

    min: float
    max: float


class Image(_Record):
    """Size in pixels of the grey images that are the rows."""

    height: int = Field(ge=1, le=64)
    width: int = Field(ge=1, le=64)


class Contract(_Record):
    """What the data must be.

    Attributes:
        labels: What a row can be.
        columns: Limits of each number, for a table.
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
            raise ValueError(f"{taken.pop()} is not a number, so it is no column")
        if len(set(self.labels)) < len(self.labels):
            raise ValueError("two labels are the same")
        return self

    @property
    def kind(self) -> Literal["tabular", "images"]:
        """What the rows are."""
        return "tabular" if self.image is None else "images"

    @property
    def limits(self) -> dict[str, Limits]:
        """Limits of every number of a row, in order; of images, `p<row>_<column>` per pixel."""
        if self.image is None:
            return dict(self.columns)
        pixel = Limits(min=0, max=PIXEL_MAX)
        return {
            f"p{row}_{column}": pixel
            for row in range(self.image.height)
            for column in range(self.image.width)
        }

    def check(self, rows: list[dict[str, Any]], *, labelled: bool) -> list[dict[str, Any]]:
        """Check rows and give them with their types.

        Args:
            rows: One mapping per row, with `id`, the columns and, if `labelled`, `label`.
            labelled: Whether the rows must say what they are.

        Raises:
            DataError: Some row breaks the contract; the message names the first ones.
        """
        _check_ids(rows)
        try:
            return [dict(row) for row in _rows(self, labelled=labelled).validate_python(rows)]
        except ValidationError as error:
            problems = error.errors(include_url=False, include_context=False)
        lines = [_line(rows, problem) for problem in problems[:SHOWN]]
        more = len(problems) - len(lines)
        raise DataError(
            f"{len(problems)} values break the contract:\n  "
            + "\n  ".join([*lines, *([f"... and {more} more"] if more else [])])
        )


def parse(data: object, name: str) -> Contract:
    """Read a contract out of what a YAML or JSON parser gave.

    Raises:
        DataError: It is no contract; `name` says where it came from.
    """
    try:
        return Contract.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise DataError(f"{name} is no contract: {where}: {first['msg']}") from None


def _rows(contract: Contract, *, labelled: bool) -> TypeAdapter[list[dict[str, Any]]]:
    """Let pydantic compile the contract into a validator of rows."""
    fields: dict[str, Any] = {"id": Annotated[str, Field(min_length=1)]}
    if labelled:
        fields["label"] = Literal[contract.labels]
    for name, limits in contract.limits.items():
        bounds = Field(ge=limits.min, le=limits.max, allow_inf_nan=False)
        fields[name] = Annotated[float, bounds, BeforeValidator(_present)]
    # Keys may be any text, which names of attributes may not.
    row = TypedDict("row", fields)  # type: ignore[misc] # the contract names the keys
    config = ConfigDict(extra="forbid" if labelled else "ignore")
    return TypeAdapter(list[with_config(config)(row)])  # type: ignore[misc, arg-type] # made above


def _present(value: object) -> object:
    if value is None or value == "":
        raise ValueError("there is no value")
    return value


def _check_ids(rows: list[dict[str, Any]]) -> None:
    seen: set[str] = set()
    for row in rows:
        name = str(row.get("id", ""))
        if name in seen:
            raise DataError(f"two rows have the id {name!r}: a row is told from others by its id")
        seen.add(name)


def _line(rows: list[dict[str, Any]], problem: Any) -> str:
    at, *where = problem["loc"]
    column = str(where[0]) if where else "the row"
    value = rows[at].get(column)
    return f"row {rows[at].get('id') or at + 1}, {column} = {value!r}: {problem['msg']}"
