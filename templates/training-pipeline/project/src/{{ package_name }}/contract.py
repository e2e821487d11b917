"""The data contract: the columns of a table and the values they may contain."""

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal, Self

import polars as pl
import yaml
from pydantic import Field, ValidationError, model_validator

from .config import Record, format_errors
from .errors import ConfigError, DataError

MAX_CATEGORIES = 50
SLACK = 0.5
"""How far an inferred range extends beyond the observed one, as a share of its width."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Column(Record):
    """One column: a number within a range, or one of several categories.

    Attributes:
        kind: `number` or `category`.
        minimum: Smallest allowed number.
        maximum: Largest allowed number.
        categories: Allowed texts.
        nullable: Whether cells may be empty.
    """

    kind: Literal["number", "category"]
    minimum: float | None = None
    maximum: float | None = None
    categories: tuple[str, ...] = ()
    nullable: bool = False

    @model_validator(mode="after")
    def _matches_kind(self) -> Self:
        if (self.kind == "category") != bool(self.categories):
            raise ValueError("columns of kind category need categories; no other kind has them")
        if self.kind == "category" and (self.minimum is not None or self.maximum is not None):
            raise ValueError("a category has no minimum or maximum")
        return self


class Contract(Record):
    """What every training table of this pipeline has to satisfy.

    Attributes:
        target: The column to predict.
        key: The column that identifies a row, if there is one; it is not a feature.
        ignore: Columns that may be present and are dropped.
        min_rows: A table with fewer rows is rejected.
        columns: The target and all features.
    """

    target: str
    key: str | None = None
    ignore: tuple[str, ...] = ()
    min_rows: int = Field(100, ge=1)
    columns: dict[str, Column]

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.target not in self.columns:
            raise ValueError(f"the target {self.target!r} is not among the columns")
        if self.columns[self.target].nullable:
            raise ValueError(f"the target {self.target!r} cannot be nullable")
        if len(self.columns) == 1:
            raise ValueError("there are no feature columns")
        for name in (*self.columns, *([self.key] if self.key else [])):
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r} is not a valid name: use letters, digits and _")
        return self

    @property
    def features(self) -> dict[str, Column]:
        """All columns except the target."""
        return {name: column for name, column in self.columns.items() if name != self.target}


def load(path: Path) -> Contract:
    """Read a contract.

    Raises:
        ConfigError: It is missing or invalid.
    """
    try:
        return Contract.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigError(
            f"cannot read the data contract {path}: {error.strerror}. `make contract` writes one"
        ) from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not valid YAML: {error}") from error
    except ValidationError as error:
        raise ConfigError(f"{path}: {format_errors(error)}") from error


def infer(frame: pl.DataFrame, target: str, key: str | None = None) -> Contract:
    """Infer a first draft of a contract from a table, for people to tighten.

    Raises:
        DataError: A column is neither numeric nor categorical.
    """
    names = [name for name in frame.columns if name != key]
    if target not in names:
        raise DataError(f"no column {target!r}; there are: {', '.join(names)}")
    columns = {name: _column(frame[name]) for name in names}
    return Contract(target=target, key=key, min_rows=max(1, frame.height // 2), columns=columns)


def dump(contract: Contract) -> str:
    """Serialize a contract as YAML."""
    tree = contract.model_dump(mode="json", exclude_defaults=True)
    return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=100)


def numbers(series: pl.Series) -> pl.Series:
    """Parse cells as numbers; NaN and everything that is not a number become missing."""
    if series.dtype == pl.Boolean:
        series = series.cast(pl.Int8)
    return series.cast(pl.Float64, strict=False).fill_nan(None)


def texts(series: pl.Series) -> pl.Series:
    """Format cells as text: whole numbers without a decimal point, empty cells as missing."""
    if series.dtype.is_float():
        cells = [None if x is None or math.isnan(x) else f"{x:.15g}" for x in series]
        return pl.Series(series.name, cells, dtype=pl.String)
    text = series.cast(pl.String).str.strip_chars()
    return text.replace("", None)


def _column(series: pl.Series) -> Column:
    cells = texts(series)
    present = cells.drop_nulls()
    if present.is_empty():
        raise DataError(f"column {series.name!r} is empty: remove it")
    nullable = len(present) < len(cells)
    parsed = numbers(cells).drop_nulls()
    if len(parsed) == len(present):
        low, high = float(parsed.to_numpy().min()), float(parsed.to_numpy().max())
        slack = SLACK * (high - low)
        minimum = 0.0 if 0 <= low < slack else low - slack
        return Column(
            kind="number",
            minimum=_round(minimum, math.floor),
            maximum=_round(high + slack, math.ceil),
            nullable=nullable,
        )
    categories = tuple(sorted(present.unique().to_list()))
    if len(categories) > MAX_CATEGORIES:
        raise DataError(
            f"column {series.name!r} has {len(categories)} distinct texts; a category has at most "
            f"{MAX_CATEGORIES}: remove ids, dates and free text"
        )
    return Column(kind="category", categories=categories, nullable=nullable)


def _round(value: float, towards: Callable[[float], int]) -> float:
    """Round to two significant digits, up or down."""
    if value == 0:
        return 0.0
    step = 10.0 ** (math.floor(math.log10(abs(value))) - 1)
    return float(f"{towards(value / step) * step:.6g}")
