"""Step 2: validate the rows against the contract; bad data stops the run before any training."""

import pandera.polars as pa
import polars as pl
from pandera.errors import SchemaErrors

from .contract import Column, Contract, numbers, texts
from .errors import DataError

MAX_NAMED = 5
"""How many rows a problem lists."""
_READABLE = {
    "greater_than_or_equal_to": "at least",
    "less_than_or_equal_to": "at most",
    "isin": "one of",
}


def validate(frame: pl.DataFrame, contract: Contract, *, with_target: bool = True) -> pl.DataFrame:
    """Convert the columns to their types and validate every cell.

    Args:
        frame: Raw rows.
        contract: The contract to validate against.
        with_target: Whether the target is required: yes for training, no for prediction.

    Returns:
        The contract's columns in its order, as Float64 and String.

    Raises:
        DataError: The data violates the contract; the message names columns and rows, numbered
            from 1 without the header.
    """
    columns = contract.columns if with_target else contract.features
    key = [contract.key] if contract.key else []
    allowed = {*contract.columns, *key, *contract.ignore}
    problems = [
        f"column {name!r} is missing" for name in (*key, *columns) if name not in frame.columns
    ]
    problems += [
        f"column {name!r} is not in the contract: add it there, or list it under `ignore`"
        for name in frame.columns
        if name not in allowed
    ]
    if with_target and frame.height < contract.min_rows:
        problems.append(f"{frame.height} rows, but at least {contract.min_rows} are required")
    present = {name: column for name, column in columns.items() if name in frame.columns}
    typed = frame.select(
        *(name for name in key if name in frame.columns),
        *(_typed(frame[name], column) for name, column in present.items()),
    )
    for name, column in present.items():
        if column.kind == "number":
            problems += _not_numbers(frame[name], typed[name])
    problems += _check(typed, present, contract.key)
    if problems:
        raise DataError("the data violates the contract:\n" + "\n".join(f"- {p}" for p in problems))
    return typed


def _typed(series: pl.Series, column: Column) -> pl.Series:
    return numbers(series) if column.kind == "number" else texts(series)


def _not_numbers(raw: pl.Series, typed: pl.Series) -> list[str]:
    """Find the cells that are neither empty nor a number."""
    cells = texts(raw) if raw.dtype == pl.String else raw
    invalid = (cells.is_not_null() & typed.is_null()).arg_true().to_list()
    if raw.dtype.is_float():  # NaN stands for an empty cell
        invalid = [row for row in invalid if raw[row] == raw[row]]
    if not invalid:
        return []
    return [f"column {raw.name!r} is not a number ({raw[invalid[0]]!r}) in {rows(invalid)}"]


def _check(frame: pl.DataFrame, columns: dict[str, Column], key: str | None) -> list[str]:
    """Validate all values with pandera, and group the failures by column and check."""
    schema = {name: _rule(column) for name, column in columns.items()}
    if key and key in frame.columns:
        schema[key] = pa.Column(frame[key].dtype, unique=True, nullable=False)
    try:
        pa.DataFrameSchema(schema).validate(frame, lazy=True)
    except SchemaErrors as error:
        cases = error.failure_cases
    else:
        return []
    found: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for case in cases.filter(pl.col("index").is_not_null()).sort("index").iter_rows(named=True):
        found.setdefault((case["column"], case["check"]), []).append(
            (case["index"], case["failure_case"])
        )
    return [_describe(column, check, failed) for (column, check), failed in found.items()]


def _rule(column: Column) -> pa.Column:
    if column.kind == "category":
        return pa.Column(pl.String, pa.Check.isin(column.categories), nullable=column.nullable)
    checks = [pa.Check(is_finite, element_wise=False, name="finite")]
    if column.minimum is not None:
        checks.append(pa.Check.ge(column.minimum))
    if column.maximum is not None:
        checks.append(pa.Check.le(column.maximum))
    return pa.Column(pl.Float64, checks, nullable=column.nullable)


def is_finite(data: pa.PolarsData) -> pl.LazyFrame:
    """Check that numbers are neither NaN nor infinite."""
    return data.lazyframe.select(pl.col(data.key).is_finite())


def _describe(column: str, check: str, failed: list[tuple[int, str]]) -> str:
    where = rows([index for index, _ in failed])
    value = failed[0][1]
    wording = {
        "not_nullable": "is empty",
        "field_uniqueness": f"contains duplicates ({value})",
        "finite": f"is not finite ({value})",
    }
    if check in wording:
        return f"column {column!r} {wording[check]} in {where}"
    name, _, limit = check.partition("(")
    readable = f"{_READABLE.get(name, name)} {limit.removesuffix(')')}"
    return f"column {column!r} is {value} in {where}, but must be {readable}"


def rows(indices: list[int]) -> str:
    """Format row numbers for a message: counted from 1, without the header."""
    named = ", ".join(str(index + 1) for index in indices[:MAX_NAMED])
    rest = f" and {len(indices) - MAX_NAMED} more" if len(indices) > MAX_NAMED else ""
    return f"row{'s' if len(indices) > 1 else ''} {named}{rest}"
