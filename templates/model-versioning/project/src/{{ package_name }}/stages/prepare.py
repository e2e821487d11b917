"""First stage: check every row against the contract, and hold some rows out."""

import hashlib
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..data.read import read
from ..errors import DataError
from . import files, params

RAW = Path("data/raw")


def held_out(ids: tuple[str, ...], share: float) -> NDArray[np.bool_]:
    """Choose the rows to hold out, by their ids alone.

    A row that is held out stays so when others come or go: no later version of the model has
    learnt what an earlier one was measured on.

    Returns:
        Whether a row is held out, of shape (rows,); about `share` of them are.
    """
    positions = [
        int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest()) for name in ids
    ]
    return np.array([position < share * 2**64 for position in positions])


def run() -> str:
    """Do it.

    Raises:
        DataError: The data breaks the contract, or there is too little of it.
    """
    table = read(RAW, params.load_contract(), labelled=True)
    test = held_out(table.ids, params.load().prepare.held_out)
    for part, chosen in zip(files.PARTS, (~test, test), strict=True):
        rows = table.take(chosen)
        if len(set(rows.labels)) < 2:  # noqa: PLR2004 - or there is nothing to tell apart
            raise DataError(f"the rows of {part} have fewer than two labels: more data is needed")
        files.write_table(files.PREPARED / f"{part}.npz", rows)
    return f"{(~test).sum()} rows to learn from, {test.sum()} held out"


if __name__ == "__main__":
    sys.exit(files.main("prepare", run))
