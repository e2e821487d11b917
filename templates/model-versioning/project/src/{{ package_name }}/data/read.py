"""Read rows from files and validate them against the contract."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from ..errors import DataError
from .contract import Contract
from .table import Table

TABLE_FILE = "rows.csv"
"""Name of the table in a data folder."""


def read(path: Path, contract: Contract, *, labelled: bool) -> Table:
    """Read all rows of a file or a folder.

    Args:
        path: A CSV file with the column `id` and those of the contract, or a folder that contains
            `rows.csv`; or a folder of PNG files, whose names without `.png` are the ids.
        contract: The contract to validate against.
        labelled: Whether the rows must have labels: in the column `label`, or for an image as the
            name of its folder.

    Raises:
        DataError: It cannot be read, has no rows, or violates the contract.
    """
    rows = (_images if contract.image else _table)(path, contract, labelled=labelled)
    if not rows:
        raise DataError(f"{path} contains no rows")
    checked = contract.check(rows, labelled=labelled)
    columns = tuple(contract.limits)
    return Table(
        ids=tuple(row["id"] for row in checked),
        labels=tuple(row["label"] for row in checked) if labelled else (),
        columns=columns,
        values=np.array([[row[name] for name in columns] for row in checked], dtype=np.float64),
    )


def _table(path: Path, contract: Contract, *, labelled: bool) -> list[dict[str, Any]]:
    file = path / TABLE_FILE if path.is_dir() else path
    try:
        with file.open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream)
            rows: list[dict[str, Any]] = list(reader)
            names = reader.fieldnames or ()
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"cannot read {file}: {error}") from error
    required = ["id", *(["label"] if labelled else []), *contract.limits]
    if missing := [name for name in required if name not in names]:
        raise DataError(f"{file} has no column {missing[0]!r}")
    if ragged := [line for line, row in enumerate(rows, 2) if None in row or None in row.values()]:
        raise DataError(f"{file}, line {ragged[0]}: the number of cells differs from the header's")
    return rows


def _images(path: Path, contract: Contract, *, labelled: bool) -> list[dict[str, Any]]:
    files = sorted(path.rglob("*.png")) if path.is_dir() else [path]
    names = tuple(contract.limits)
    rows = []
    for file in files:
        row = {"id": file.stem, **dict(zip(names, _pixels(file, contract), strict=True))}
        rows.append(row | {"label": file.parent.name} if labelled else row)
    return rows


def _pixels(file: Path, contract: Contract) -> list[int]:
    size = contract.image
    assert size is not None  # noqa: S101 - only called for contracts with images
    try:
        with Image.open(file, formats=["PNG"]) as image:
            if image.mode != "L" or image.size != (size.width, size.height):
                raise DataError(
                    f"{file} is {image.size[0]} x {image.size[1]} in mode {image.mode}; expected "
                    f"is {size.width} x {size.height} in mode L (8-bit grayscale)"
                )
            return list(image.tobytes())
    except (OSError, UnidentifiedImageError, SyntaxError) as error:
        raise DataError(f"cannot read {file}: {error}") from error
