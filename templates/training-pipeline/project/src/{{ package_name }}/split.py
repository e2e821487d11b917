"""Step 3: hold some rows out of training, permanently.

Only a row's contents decide whether it is held out: not its position in the table, the seed or the
other rows. As data grows, a held-out row never becomes a training row, so last month's champion
and today's challenger can be compared on rows that neither was trained on.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from .contract import Contract, texts
from .errors import DataError

POSITION = "__position"
"""Column of the held-out rows with their position; see `positions`."""


@dataclass(frozen=True, slots=True)
class Split:
    """Training rows and held-out rows, both with the contract's columns.

    Attributes:
        train: Training rows.
        held_out: Held-out rows.
        positions: Position of every held-out row, in [0, 1).
    """

    train: pl.DataFrame
    held_out: pl.DataFrame
    positions: NDArray[np.float64]


def split(frame: pl.DataFrame, contract: Contract, held_out: float) -> Split:
    """Split the rows into training rows and held-out rows.

    Args:
        frame: Validated rows.
        contract: Names the key of a row; without a key, all features identify a row.
        held_out: Approximate share of rows to hold out.

    Raises:
        DataError: One of the two sets is empty or lacks a class.
    """
    row_positions = positions(frame, contract)
    mask = row_positions < held_out
    columns = list(contract.columns)
    rows = Split(
        frame.filter(~mask).select(columns), frame.filter(mask).select(columns), row_positions[mask]
    )
    for purpose, subset in (("train on", rows.train), ("hold out", rows.held_out)):
        if subset.is_empty():
            raise DataError(f"no rows to {purpose}: {frame.height} rows, held_out={held_out}")
        missing = set(contract.columns[contract.target].categories) - set(
            subset[contract.target].to_list()
        )
        if missing:
            raise DataError(
                f"no rows with {contract.target} {min(missing)!r} to {purpose}: add rows"
            )
    return rows


def row_key(contract: Contract) -> list[str]:
    """List the columns that identify a row: the contract's key, or else all features."""
    return [contract.key] if contract.key else list(contract.features)


def positions(frame: pl.DataFrame, contract: Contract) -> NDArray[np.float64]:
    """Map each row to a position in [0, 1) by hashing its key.

    Returns:
        Shape (rows,); uniformly distributed, and the same for the same row in every table.
    """
    keys = frame.select(row_key(contract))
    if contract.key:  # an id is the same whether a file stores it as text or as a number
        keys = keys.select(texts(keys[contract.key]))
    digests = (
        hashlib.blake2b(repr(row).encode(), digest_size=8).digest() for row in keys.iter_rows()
    )
    numbers = np.fromiter(
        (int.from_bytes(digest, "big") for digest in digests), np.uint64, frame.height
    )
    # 53 bits are what a float64 can represent exactly.
    return (numbers >> np.uint64(11)).astype(np.float64) / 2.0**53
