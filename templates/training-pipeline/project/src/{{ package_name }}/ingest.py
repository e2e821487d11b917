"""Step 1: get the rows, as they are."""

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
    """Read the table that the configuration names.

    Raises:
        DataError: There is no such table, or it cannot be read.
    """
    return read(data.source, data.query)


def read(source: str, query: str | None = None) -> pl.DataFrame:
    """Read a built-in table, a CSV or Parquet file, or the answer of a database.

    Args:
        source: Name, path or database URL.
        query: SQL, for a database.

    Returns:
        The rows in their order; CSV cells are texts, to be typed by the contract.

    Raises:
        DataError: There is no such table, or it cannot be read.
    """
    if source in BUILT_IN:
        return BUILT_IN[source]()
    if "://" in source:
        return _tidy(_read_sql(os.path.expandvars(source), query), source)
    path = Path(source)
    try:
        if path.suffix == ".parquet":
            frame = pl.read_parquet(path)
        elif path.suffix in (".csv", ".tsv"):
            separator = "\t" if path.suffix == ".tsv" else ","
            frame = pl.read_csv(path, infer_schema=False, separator=separator)
        else:
            raise DataError(
                f"no table {source!r}: give {', '.join(BUILT_IN)}, a .csv, .tsv or .parquet "
                "file, or a database URL"
            )
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(f"cannot read {source}: {error}") from error
    return _tidy(frame, source)


def digest(frame: pl.DataFrame) -> str:
    """Hash the contents of a table: names, cells and order.

    Returns:
        64 hexadecimal digits; the same on every machine.
    """
    hasher = hashlib.sha256("\x1f".join(frame.columns).encode())
    for row in frame.iter_rows():
        hasher.update(repr(row).encode())
    return hasher.hexdigest()


def _read_sql(url: str, query: str | None) -> pl.DataFrame:
    if not query:
        raise DataError("a database needs a question: set data.query to a SELECT")
    try:
        engine = sqlalchemy.create_engine(url)
        try:
            with engine.connect() as connection:
                return pl.read_database(query, connection, infer_schema_length=None)
        finally:
            engine.dispose()
    except (sqlalchemy.exc.SQLAlchemyError, pl.exceptions.PolarsError) as error:
        where = sqlalchemy.engine.make_url(url).render_as_string(hide_password=True)
        raise DataError(f"cannot read {where}: {error}") from error


def _tidy(frame: pl.DataFrame, source: str) -> pl.DataFrame:
    """Turn names into what ONNX and databases take: letters, digits and `_`."""
    names = [re.sub(r"\W+", "_", name.strip(), flags=re.ASCII).strip("_") for name in frame.columns]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise DataError(f"{source}: two columns would both be called {min(twice)!r}")
    return frame.rename(dict(zip(frame.columns, names, strict=True)))


def _built_in(bunch: Any, target: str, *, names: bool = False) -> pl.DataFrame:
    """Turn one of scikit-learn's data sets into a table."""
    frame = pl.DataFrame(bunch.data, schema=[str(name) for name in bunch.feature_names])
    truth = bunch.target_names[bunch.target].tolist() if names else bunch.target.tolist()
    if "sex" in frame.columns:
        frame = frame.with_columns(pl.col("sex").cast(pl.Int8).cast(pl.String))
    return _tidy(frame.with_columns(pl.Series(target, truth)), target)
