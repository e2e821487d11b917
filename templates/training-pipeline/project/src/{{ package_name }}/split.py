"""Step 3: keep some rows away from every model, the same ones for ever.

A row's side hangs on its contents alone: not on its place, the seed or what else is in the
table. As data grows, a held-out row never moves to the training side, so the champion of last
month and the challenger of today can be judged on rows that neither has learnt.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from .contract import Contract, texts
from .errors import DataError

POSITION = "__position"
"""Column of the held-out rows that holds their position, see `positions`."""


@dataclass(frozen=True, slots=True)
class Split:
    """Rows to learn from and rows to judge by, both with the contract's columns.

    Attributes:
        train: Rows to learn from.
        held_out: Rows to judge by.
        positions: Position of every held-out row, in [0, 1).
    """

    train: pl.DataFrame
    held_out: pl.DataFrame
    positions: NDArray[np.float64]


def split(frame: pl.DataFrame, contract: Contract, held_out: float) -> Split:
    """Part the rows.

    Args:
        frame: Validated rows.
        contract: Says which column tells rows apart; without one, all features do.
        held_out: Share of rows to hold out, about.

    Raises:
        DataError: One side is empty, or a class is missing from one.
    """
    where = positions(frame, contract)
    held = where < held_out
    columns = list(contract.columns)
    parts = Split(
        frame.filter(~held).select(columns), frame.filter(held).select(columns), where[held]
    )
    for name, part in (("train on", parts.train), ("hold out", parts.held_out)):
        if part.is_empty():
            raise DataError(f"no row is left to {name}: {frame.height} rows, held_out={held_out}")
        missing = set(contract.columns[contract.target].categories) - set(
            part[contract.target].to_list()
        )
        if missing:
            raise DataError(
                f"no row with {contract.target} {min(missing)!r} is left to {name}: add rows"
            )
    return parts


def told_apart_by(contract: Contract) -> list[str]:
    """Name the columns that decide a row's side: its key, or else all features."""
    return [contract.key] if contract.key else list(contract.features)


def positions(frame: pl.DataFrame, contract: Contract) -> NDArray[np.float64]:
    """Give each row its place in [0, 1), by hashing what tells it apart.

    Returns:
        Shape (rows,); uniform, and the same for the same row in every table.
    """
    apart = frame.select(told_apart_by(contract))
    if contract.key:  # an id is the same one whether a file holds it as text or as number
        apart = apart.select(texts(apart[contract.key]))
    digests = (
        hashlib.blake2b(repr(row).encode(), digest_size=8).digest() for row in apart.iter_rows()
    )
    numbers = np.fromiter(
        (int.from_bytes(each, "big") for each in digests), np.uint64, frame.height
    )
    return (numbers >> np.uint64(11)).astype(np.float64) / 2.0**53
