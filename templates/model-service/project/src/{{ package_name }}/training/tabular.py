"""Reads your own tables from CSV or Parquet: typed, checked, and with clear errors."""

import csv
import difflib
import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from ..manifest import MISSING_CATEGORY, Feature, Schema
from .table import DataError, Table, Values

MAX_CATEGORIES = 100
MAX_LABELS = 100
MAX_NUMERIC_LABELS = 20
"""More distinct numbers than this, not all of them whole, are measurements, not classes."""
MIN_ROWS_PER_LABEL = 8
NUMERIC_SHARE = 0.9
"""A column is meant to be numeric if at least this share of its cells are numbers."""
FLOAT32_MAX = float(np.finfo(np.float32).max)
MISSING = frozenset({"", "NA", "N/A", "NaN", "nan", "null", "NULL", "?"})

Cell = str | float | None
Columns = dict[str, list[Cell]]


def read_table(path: Path, target: str, drop: Sequence[str] = ()) -> Table:
    """Read a table for training.

    Columns of numbers become numeric features and columns of text categorical ones. Missing
    cells are kept: the model replaces them with the median or treats them as a category.

    Args:
        path: A `.csv` or `.tsv` file with a header, or a `.parquet` file.
        target: The column to predict.
        drop: Columns to leave out.

    Raises:
        DataError: Something cannot be used; the message names the column and the rows.
    """
    try:
        columns = _read_parquet(path) if path.suffix == ".parquet" else _read_csv(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    for name in (target, *drop):
        if name not in columns:
            raise DataError(f"{path} has no column {name!r}{_suggest(name, columns)}")
    if target in drop:
        raise DataError(f"{target!r} is the column to predict: it cannot be dropped")
    labels, codes = _labels(target, columns[target])
    inputs = {name: cells for name, cells in columns.items() if name not in (target, *drop)}
    if not inputs:
        raise DataError(f"{path} has no column to predict {target!r} from")
    typed = [_column(name, cells) for name, cells in inputs.items()]
    schema = Schema(target=target, features=tuple(f for f, _ in typed), labels=labels)
    return Table(
        name=path.stem,
        schema=schema,
        values=_values(schema, [series for _, series in typed]),
        codes=np.array(codes, dtype=np.int64),
        sha256=digest,
    )


def _values(schema: Schema, series: list[pl.Series]) -> Values:
    if schema.layout == "matrix":
        return np.column_stack([column.to_numpy() for column in series])
    return pl.DataFrame(dict(zip(schema.input_names, series, strict=True)))


def _read_csv(path: Path) -> Columns:
    """Read a CSV file as text; the delimiter is guessed from its header."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header_line = file.readline()
            delimiter = max(",;\t", key=header_line.count)
            file.seek(0)
            return _read_rows(path, csv.reader(file, delimiter=delimiter, strict=True))
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text: {error.reason} at {error.start}") from error
    except csv.Error as error:
        raise DataError(f"{path} is not a valid CSV file: {error}") from error


def _read_rows(path: Path, reader: Iterable[list[str]]) -> Columns:
    rows = iter(reader)
    header = [name.strip() for name in next(rows, [])]
    if not header:
        raise DataError(f"{path} is empty: it needs a header and rows")
    if "" in header:
        raise DataError(f"{path}: column {header.index('') + 1} has no name in the header")
    duplicates = [name for name, count in Counter(header).items() if count > 1]
    if duplicates:
        raise DataError(f"{path}: the header names {duplicates[0]!r} more than once")
    table: list[list[str]] = []
    for number, row in enumerate((row for row in rows if row), start=1):
        if len(row) != len(header):
            raise DataError(f"{path}: row {number} has {len(row)} cells, the header {len(header)}")
        table.append(row)
    if not table:
        raise DataError(f"{path} has a header but no rows")
    cells = ([_cell(text) for text in column] for column in zip(*table, strict=True))
    return dict(zip(header, cells, strict=True))


def _cell(text: str) -> Cell:
    text = text.strip()
    return None if text in MISSING else text


def _read_parquet(path: Path) -> Columns:
    try:
        frame = pl.read_parquet(path)
    except pl.exceptions.PolarsError as error:
        raise DataError(f"{path} is not a valid Parquet file: {error}") from error
    if frame.height == 0:
        raise DataError(f"{path} has no rows")
    return {series.name: _cells(series) for series in frame.iter_columns()}


def _cells(series: pl.Series) -> list[Cell]:
    """Convert a Parquet column to numbers or text."""
    kind = series.dtype
    if kind.is_numeric():
        return series.cast(pl.Float64).fill_nan(None).to_list()
    if kind == pl.Boolean:
        return [None if value is None else str(value).lower() for value in series]
    if kind == pl.String or isinstance(kind, (pl.Categorical, pl.Enum)):
        texts = series.cast(pl.String)
        return [None if text is None else _cell(text) for text in texts]
    if kind == pl.Null:
        return [None] * len(series)
    raise DataError(
        f"column {series.name!r} holds {kind}: convert it to numbers or categories, "
        f"or leave it out: --drop {series.name!r}"
    )


def _labels(target: str, cells: list[Cell]) -> tuple[tuple[str, ...], list[int]]:
    """Return the names of the classes and the class index of each row."""
    missing = [row for row, cell in enumerate(cells, start=1) if cell is None]
    if missing:
        raise DataError(f"column {target!r} is to be predicted but is empty in {_rows(missing)}")
    names = [_label(cell) for cell in cells]
    counts = Counter(names)
    numbers = [_number(name) for name in counts]
    if len(counts) > MAX_NUMERIC_LABELS and any(n is not None and n % 1 for n in numbers):
        raise DataError(f"column {target!r} holds measurements: this service predicts classes")
    if len(counts) < 2:  # noqa: PLR2004 - a classifier needs two classes
        raise DataError(f"column {target!r} is {names[0]!r} in every row: nothing to predict")
    if len(counts) > MAX_LABELS:
        raise DataError(
            f"column {target!r} has {len(counts)} different values: this service predicts "
            f"one of at most {MAX_LABELS} classes"
        )
    name, count = min(counts.items(), key=lambda item: item[1])
    if count < MIN_ROWS_PER_LABEL:
        raise DataError(
            f"column {target!r}: {name!r} has only {count} row(s) but needs at least "
            f"{MIN_ROWS_PER_LABEL}: add rows, merge it into another class or remove its rows"
        )
    labels = tuple(sorted(counts, key=lambda label: (_order(label), label)))
    index = {label: code for code, label in enumerate(labels)}
    return labels, [index[label] for label in names]


def _label(cell: Cell) -> str:
    return f"{cell:.0f}" if isinstance(cell, float) and cell.is_integer() else str(cell)


def _order(label: str) -> float:
    number = _number(label)
    return math.inf if number is None else number


def _column(name: str, cells: list[Cell]) -> tuple[Feature, pl.Series]:
    """Determine the type of a column and check that a model can learn from it."""
    present = [cell for cell in cells if cell is not None]
    if len(set(present)) < (2 if len(present) == len(cells) else 1):
        what = f"is {present[0]!r} in every row" if present else "is empty"
        raise DataError(f"column {name!r} {what}: leave it out: --drop {name!r}")
    numbers = [_number(cell) for cell in cells]
    count = sum(number is not None for number in numbers)
    if count < NUMERIC_SHARE * len(present):
        return _categorical(name, cells)
    wrong = [
        row
        for row, (cell, number) in enumerate(zip(cells, numbers, strict=True), start=1)
        if cell is not None and not (number is not None and abs(number) <= FLOAT32_MAX)
    ]
    if wrong:
        value = cells[wrong[0] - 1]
        raise DataError(
            f"column {name!r} is numeric, but has no valid float32 in {_rows(wrong)} ({value!r})"
        )
    return _numeric(name, numbers)


def _numeric(name: str, numbers: list[float | None]) -> tuple[Feature, pl.Series]:
    present = np.array([number for number in numbers if number is not None])
    if len(np.unique(present.astype(np.float32))) < len(np.unique(present)) / 2:
        raise DataError(
            f"column {name!r} varies too little for numbers of its size, like {present[0]:.15g}: "
            f"subtract a constant from it, or leave it out: --drop {name!r}"
        )
    feature = Feature(
        name=name,
        kind="numeric",
        nullable=len(present) < len(numbers),
        minimum=float(present.min()),
        maximum=float(present.max()),
        example=float(np.quantile(present, 0.5, method="nearest")),
    )
    return feature, pl.Series(numbers, dtype=pl.Float64).fill_null(math.nan)


def _categorical(name: str, cells: list[Cell]) -> tuple[Feature, pl.Series]:
    texts = [None if cell is None else str(cell) for cell in cells]
    counts = Counter(text for text in texts if text is not None)
    if len(counts) > MAX_CATEGORIES:
        raise DataError(
            f"column {name!r} has {len(counts)} different texts, but at most {MAX_CATEGORIES} "
            f"categories are supported: leave out ids, dates and free text: --drop {name!r}"
        )
    feature = Feature(
        name=name,
        kind="categorical",
        nullable=None in texts,
        categories=tuple(sorted(counts)),
        example=min(counts, key=lambda text: (-counts[text], text)),
    )
    return feature, pl.Series(texts, dtype=pl.String).fill_null(MISSING_CATEGORY)


def _number(cell: Cell) -> float | None:
    if isinstance(cell, float):
        return cell
    try:
        return float(cell) if cell is not None and "_" not in cell else None
    except ValueError:
        return None


def _rows(rows: list[int], limit: int = 5) -> str:
    """Format row numbers for people: counted from 1, without the header."""
    listed = ", ".join(map(str, rows[:limit]))
    rest = f" and {len(rows) - limit} more" if len(rows) > limit else ""
    return f"row{'s' if len(rows) > 1 else ''} {listed}{rest}"


def _suggest(name: str, columns: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, columns, n=1)
    return f": did you mean {near[0]!r}?" if near else f"; it has: {', '.join(columns)}"
