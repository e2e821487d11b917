"""Step 2: hold the rows against the contract; bad data ends the run before anything is fitted."""

import pandera.polars as pa
import polars as pl
from pandera.errors import SchemaErrors

from .contract import Column, Contract, numbers, texts
from .errors import DataError

MAX_NAMED = 5
"""Rows named per mistake."""
_READABLE = {
    "greater_than_or_equal_to": "at least",
    "less_than_or_equal_to": "at most",
    "isin": "one of",
}


def validate(frame: pl.DataFrame, contract: Contract, *, with_target: bool = True) -> pl.DataFrame:
    """Type the columns and check every cell.

    Args:
        frame: The rows, as read.
        contract: What they have to look like.
        with_target: Whether the target has to be there: yes to learn, no to predict.

    Returns:
        The contract's columns, in its order: Float64 and String.

    Raises:
        DataError: Something is not as agreed; the message names every column and row, counted
            from 1 without the header.
    """
    columns = contract.columns if with_target else contract.features
    key = [contract.key] if contract.key else []
    allowed = {*contract.columns, *key, *contract.ignore}
    problems = [
        f"column {name!r} is missing" for name in (*key, *columns) if name not in frame.columns
    ]
    problems += [
        f"column {name!r} is not in the contract: describe it there, or put it under `ignore`"
        for name in frame.columns
        if name not in allowed
    ]
    if with_target and frame.height < contract.min_rows:
        problems.append(f"{frame.height} rows, at least {contract.min_rows} are expected")
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
        raise DataError("the data is not as agreed:\n" + "\n".join(f"- {p}" for p in problems))
    return typed


def _typed(series: pl.Series, column: Column) -> pl.Series:
    return numbers(series) if column.kind == "number" else texts(series)


def _not_numbers(raw: pl.Series, typed: pl.Series) -> list[str]:
    """Find the cells that hold something but no number."""
    held = texts(raw) if raw.dtype == pl.String else raw
    wrong = (held.is_not_null() & typed.is_null()).arg_true().to_list()
    if raw.dtype.is_float():  # NaN stands for an empty cell
        wrong = [row for row in wrong if raw[row] == raw[row]]
    if not wrong:
        return []
    return [f"column {raw.name!r} is no number ({raw[wrong[0]]!r}) in {rows(wrong)}"]


def _check(frame: pl.DataFrame, columns: dict[str, Column], key: str | None) -> list[str]:
    """Check all values with pandera and gather what failed by column and check."""
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
    checks = [pa.Check(pl_finite, element_wise=False, name="finite")]
    if column.minimum is not None:
        checks.append(pa.Check.ge(column.minimum))
    if column.maximum is not None:
        checks.append(pa.Check.le(column.maximum))
    return pa.Column(pl.Float64, checks, nullable=column.nullable)


def pl_finite(data: pa.PolarsData) -> pl.LazyFrame:
    """Check that numbers are neither NaN nor infinite."""
    return data.lazyframe.select(pl.col(data.key).is_finite())


def _describe(column: str, check: str, failed: list[tuple[int, str]]) -> str:
    where = rows([index for index, _ in failed])
    value = failed[0][1]
    wording = {
        "not_nullable": "is empty",
        "field_uniqueness": f"holds the same value more than once ({value})",
        "finite": f"is not finite ({value})",
    }
    if check in wording:
        return f"column {column!r} {wording[check]} in {where}"
    name, _, limit = check.partition("(")
    readable = f"{_READABLE.get(name, name)} {limit.removesuffix(')')}"
    return f"column {column!r} is {value} in {where}, but has to be {readable}"


def rows(indices: list[int]) -> str:
    """Name rows for people: counted from 1, without the header."""
    named = ", ".join(str(index + 1) for index in indices[:MAX_NAMED])
    rest = f" and {len(indices) - MAX_NAMED} more" if len(indices) > MAX_NAMED else ""
    return f"row{'s' if len(indices) > 1 else ''} {named}{rest}"
