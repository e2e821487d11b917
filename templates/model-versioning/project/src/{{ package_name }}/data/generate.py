"""The example data: two versions, generated from data sets that come with scikit-learn.

Version 1 is small and contains mistakes. Version 2 has more rows, corrected labels and no
duplicates. Both are the same on every machine, byte for byte.
"""

import argparse
import csv
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image
from sklearn.datasets import load_breast_cancer, load_digits

from ..defaults import DATA
from .read import TABLE_FILE

Kind = Literal["tabular", "images"]
Row = tuple[str, str, list[float]]

FOLDER = Path("data/raw")
VERSIONS = (1, 2)
SIZES: dict[Kind, int] = {"tabular": 320, "images": 600}
"""Number of rows in version 1, without duplicates."""
MISLABELED_EVERY = 16
"""In version 1, one row in this many has a wrong label."""
DUPLICATES = 8
"""How many rows of version 1 have a duplicate."""
_COLUMNS = 10
_GRAY_LEVELS = 17
"""scikit-learn's digits have 17 gray levels, 0 to 16."""


def make(kind: Kind, version: int, folder: Path, limit: int | None = None) -> int:
    """Write a version of the example data, replacing the folder's content.

    Args:
        kind: `tabular` or `images`.
        version: 1 or 2.
        folder: Folder to write; it is replaced as a whole.
        limit: Maximum number of rows, for a smaller example with the same properties.

    Returns:
        The number of rows.
    """
    rows = list(_version(kind, version, limit))
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=".raw-", dir=folder.parent))
    try:
        staging.chmod(0o755)
        (_write_table if kind == "tabular" else _write_images)(staging, rows)
        shutil.rmtree(folder, ignore_errors=True)
        staging.rename(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return len(rows)


def _version(kind: Kind, version: int, limit: int | None) -> Iterator[Row]:
    all_rows = _table() if kind == "tabular" else _digits()
    rows = all_rows[:limit]
    if version > 1:
        yield from rows
        return
    labels = sorted({label for _, label, _ in rows})
    first_rows = rows[: SIZES[kind] * len(rows) // len(all_rows)]
    for index, (row_id, label, values) in enumerate(first_rows):
        wrong_label = labels[(labels.index(label) + 1) % len(labels)]
        yield row_id, label if index % MISLABELED_EVERY else wrong_label, values
    for row_id, label, values in first_rows[1 : DUPLICATES + 1]:
        yield f"{row_id}-again", label, values


def _table() -> list[Row]:
    data = load_breast_cancer()
    names = data.target_names
    return [
        (f"n{index:04}", str(names[code]), [float(value) for value in values[:_COLUMNS]])
        for index, (values, code) in enumerate(zip(data.data, data.target, strict=True))
    ]


def _digits() -> list[Row]:
    data = load_digits()
    return [
        (f"d{index:04}", str(code), [float(value) for value in image.reshape(-1)])
        for index, (image, code) in enumerate(zip(data.images, data.target, strict=True))
    ]


def _write_table(folder: Path, rows: list[Row]) -> None:
    names = [str(name) for name in load_breast_cancer().feature_names[:_COLUMNS]]
    header = ["id", "label", *(name.removeprefix("mean ").replace(" ", "_") for name in names)]
    with (folder / TABLE_FILE).open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([row_id, label, *values] for row_id, label, values in rows)


def _write_images(folder: Path, rows: list[Row]) -> None:
    for row_id, label, values in rows:
        pixels = np.array(values).reshape(8, 8) * 255 // (_GRAY_LEVELS - 1)
        (folder / label).mkdir(exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / label / f"{row_id}.png")


def main(arguments: list[str] | None = None) -> int:
    """Run `make data`; returns the exit code."""
    parser = argparse.ArgumentParser(prog="data", description="Write example data to data/raw.")
    parser.add_argument("version", type=int, choices=VERSIONS)
    version = parser.parse_args(arguments).version
    rows = make(DATA, version, FOLDER)
    print(f"data/raw now has version {version} of the example data: {rows} rows")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
