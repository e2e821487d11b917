"""Step 1: read the raw rows."""

import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy
from sklearn.datasets import load_breast_cancer, load_diabetes

from .config import DataConfig
from .errors import DataError

BUILT_IN: dict[str, Callable[[], pl.DataFrame]] = {
    "breast_cancer": lambda: _built_in(load_breast_cancer(), "diagnosis", names=True),
    "diabetes": lambda: _built_in(load_diabetes(scaled=False), "progression"),
}


def ingest(data: DataConfig) -> pl.DataFrame:
    """Read the table named in the configuration.

    Raises:
        DataError: The table does not exist or cannot be read.
    """
    return read(data.source, data.query)


def read(source: str, query: str | None = None) -> pl.DataFrame:
    """Read a built-in table, a CSV, TSV or Parquet file, or the result of a database query.

    Args:
        source: Name, path or database URL.
        query: SQL, for a database.

    Returns:
        The rows in their original order; CSV cells are text until the contract gives them a type.

    Raises:
        DataError: The table does not exist or cannot be read.
    """
    if source in BUILT_IN:
        return BUILT_IN[source]()
    if "://" in source:
        return _normalize_names(_read_sql(os.path.expandvars(source), query), source)
    path = Path(source)
    try:
        if path.suffix == ".parquet":
            frame = pl.read_parquet(path)
        elif path.suffix in (".csv", ".tsv"):
            separator = "\t" if path.suffix == ".tsv" else ","
            frame = pl.read_csv(path, infer_schema=False, separator=separator)
        else:
            raise DataError(
                f"no table {source!r}: use {', '.join(BUILT_IN)}, a .csv, .tsv or .parquet file, "
                "or a database URL"
            )
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(f"cannot read {source}: {error}") from error
    return _normalize_names(frame, source)


def digest(frame: pl.DataFrame) -> str:
    """Hash the contents of a table: column names, cells and row order.

    Returns:
        64 hexadecimal digits, the same on every machine.
    """
    hasher = hashlib.sha256("\x1f".join(frame.columns).encode())
    for row in frame.iter_rows():
        hasher.update(repr(row).encode())
    return hasher.hexdigest()


def _read_sql(url: str, query: str | None) -> pl.DataFrame:
    if not query:
        raise DataError("a database needs a query: set data.query to a SELECT statement")
    try:
        engine = sqlalchemy.create_engine(url)
        try:
            with engine.connect() as connection:
                return pl.read_database(query, connection, infer_schema_length=None)
        finally:
            engine.dispose()
    except (sqlalchemy.exc.SQLAlchemyError, pl.exceptions.PolarsError) as error:
        redacted = sqlalchemy.engine.make_url(url).render_as_string(hide_password=True)
        raise DataError(f"cannot read {redacted}: {error}") from error


def _normalize_names(frame: pl.DataFrame, source: str) -> pl.DataFrame:
    """Rename columns to what ONNX and databases accept: letters, digits and `_`."""
    names = [re.sub(r"\W+", "_", name.strip(), flags=re.ASCII).strip("_") for name in frame.columns]
    duplicates = {name for name in names if names.count(name) > 1}
    if duplicates:
        raise DataError(f"{source}: two columns would both be named {min(duplicates)!r}")
    return frame.rename(dict(zip(frame.columns, names, strict=True)))


def _built_in(bunch: Any, target: str, *, names: bool = False) -> pl.DataFrame:
    """Convert one of scikit-learn's data sets to a table."""
    frame = pl.DataFrame(bunch.data, schema=[str(name) for name in bunch.feature_names])
    truth = bunch.target_names[bunch.target].tolist() if names else bunch.target.tolist()
    if "sex" in frame.columns:
        frame = frame.with_columns(pl.col("sex").cast(pl.Int8).cast(pl.String))
    return _normalize_names(frame.with_columns(pl.Series(target, truth)), target)
