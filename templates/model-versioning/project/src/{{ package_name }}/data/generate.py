"""The example data: two versions of it, made from what comes with scikit-learn.

Version 1 is a small beginning with mistakes in it, as beginnings are. In version 2 rows have come
in, mistakes were put right and rows that were entered twice are gone. Both come out the same, byte
for byte, wherever they are made.
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
"""Rows of version 1."""
WRONG_EVERY = 16
"""In version 1, one row in so many has a wrong label."""
TWICE = 8
"""So many rows of version 1 are there a second time."""
_COLUMNS = 10
_SCALE = 17
"""scikit-learn's digits have 17 shades of grey, 0 to 16."""


def make(kind: Kind, version: int, folder: Path, most: int | None = None) -> int:
    """Make a version of the example data, in place of what is in the folder.

    Args:
        kind: `tabular` or `images`.
        version: 1 or 2.
        folder: Where to; it appears in one step.
        most: Rows to take at most: a smaller example with the same ways.

    Returns:
        The number of rows.
    """
    rows = list(_version(kind, version, most))
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".raw-", dir=folder.parent))
    try:
        scratch.chmod(0o755)
        (_write_table if kind == "tabular" else _write_images)(scratch, rows)
        shutil.rmtree(folder, ignore_errors=True)
        scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return len(rows)


def _version(kind: Kind, version: int, most: int | None) -> Iterator[Row]:
    everything = _table() if kind == "tabular" else _digits()
    rows = everything[:most]
    if version > 1:
        yield from rows
        return
    labels = sorted({label for _, label, _ in rows})
    early = rows[: SIZES[kind] * len(rows) // len(everything)]
    for at, (name, label, values) in enumerate(early):
        other = labels[(labels.index(label) + 1) % len(labels)]
        yield name, label if at % WRONG_EVERY else other, values
    for name, label, values in early[1 : TWICE + 1]:
        yield f"{name}-again", label, values


def _table() -> list[Row]:
    data = load_breast_cancer()
    names = data.target_names
    return [
        (f"n{at:04}", str(names[code]), [float(value) for value in values[:_COLUMNS]])
        for at, (values, code) in enumerate(zip(data.data, data.target, strict=True))
    ]


def _digits() -> list[Row]:
    data = load_digits()
    return [
        (f"d{at:04}", str(code), [float(value) for value in image.reshape(-1)])
        for at, (image, code) in enumerate(zip(data.images, data.target, strict=True))
    ]


def _write_table(folder: Path, rows: list[Row]) -> None:
    names = [str(name) for name in load_breast_cancer().feature_names[:_COLUMNS]]
    header = ["id", "label", *(name.removeprefix("mean ").replace(" ", "_") for name in names)]
    with (folder / TABLE_FILE).open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([name, label, *values] for name, label, values in rows)


def _write_images(folder: Path, rows: list[Row]) -> None:
    for name, label, values in rows:
        pixels = np.array(values).reshape(8, 8) * 255 // (_SCALE - 1)
        (folder / label).mkdir(exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / label / f"{name}.png")


def main(arguments: list[str] | None = None) -> int:
    """`make data`; gives the exit code."""
    parser = argparse.ArgumentParser(prog="data", description="Put example data into data/raw.")
    parser.add_argument("version", type=int, choices=VERSIONS)
    version = parser.parse_args(arguments).version
    rows = make(DATA, version, FOLDER)
    print(f"data/raw now holds version {version} of the example data: {rows} rows")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
