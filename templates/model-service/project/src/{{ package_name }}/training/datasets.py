"""The data sets that can be used by name, and loading your own."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits, load_iris

from . import idx
from .table import DataError, Table, numeric_table
from .tabular import read_table

SUFFIXES = (".csv", ".tsv", ".parquet")


def load(
    source: str, *, target: str | None = None, drop: Sequence[str] = (), data_dir: Path
) -> Table:
    """Load a data set.

    Args:
        source: `iris`, `digits`, `mnist`, or the path of a CSV or Parquet file.
        target: Column to predict; required for a file and not allowed otherwise.
        drop: Columns of the file to leave out.
        data_dir: Folder of the MNIST files, which are downloaded if missing.

    Raises:
        DataError: There is no such data set, or it cannot be used.
    """
    if source.endswith(SUFFIXES):
        if target is None:
            raise DataError(f"no column of {source} to predict was given: add --target COLUMN")
        return read_table(Path(source), target, drop)
    if target is not None or drop:
        raise DataError(f"--target and --drop are for your own tables, not for {source}")
    if source == "mnist":
        return mnist(data_dir)
    if source in ("iris", "digits"):
        return iris() if source == "iris" else digits()
    kinds = ", ".join(SUFFIXES)
    raise DataError(f"no data set {source!r}: use iris, digits, mnist or a file ({kinds})")


def iris() -> Table:
    """150 flowers of three species, measured in centimetres."""
    bunch = load_iris()
    table = numeric_table(
        name="iris",
        target="species",
        columns=[name.removesuffix(" (cm)").replace(" ", "_") for name in bunch.feature_names],
        values=bunch.data,
        codes=bunch.target,
        labels=bunch.target_names.tolist(),
    )
    return replace(table, min_accuracy=0.93)


def digits() -> Table:
    """1,797 handwritten digits of 8 x 8 pixels with values 0 to 16; similar to MNIST."""
    bunch = load_digits()
    table = _images("digits", (8, 8), bunch.data, bunch.target)
    return replace(table, min_accuracy=0.96)


def mnist(data_dir: Path) -> Table:
    """70,000 handwritten digits of 28 x 28 pixels with values 0 to 255, split as published.

    Raises:
        DataError: The files are damaged, or missing and cannot be downloaded.
    """
    found = idx.read_mnist(data_dir) or idx.download_mnist(data_dir)
    pixels, codes, train_rows = found
    table = _images("mnist", (28, 28), pixels, codes)
    return replace(table, train_rows=train_rows, min_accuracy=0.95)


def _images(
    name: str, size: tuple[int, int], pixels: NDArray[np.float64], codes: NDArray[np.int64]
) -> Table:
    height, width = size
    return numeric_table(
        name=name,
        target="digit",
        columns=[f"pixel_{row}_{column}" for row in range(height) for column in range(width)],
        values=pixels,
        codes=codes,
        labels=[str(digit) for digit in range(10)],
        image=size,
    )
