"""First stage: validate every row against the contract, and hold some rows out."""

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
    """Choose the rows to hold out, based only on their ids.

    A held-out row stays held out when other rows are added or removed: no later version of the
    model is trained on rows that an earlier one was evaluated on.

    Returns:
        Mask of the held-out rows, of shape (rows,); true for about `share` of them.
    """
    positions = [
        int.from_bytes(hashlib.blake2b(row_id.encode(), digest_size=8).digest()) for row_id in ids
    ]
    return np.array([position < share * 2**64 for position in positions])


def run() -> str:
    """Run the stage.

    Raises:
        DataError: The data violates the contract, or there is too little of it.
    """
    table = read(RAW, params.load_contract(), labelled=True)
    test = held_out(table.ids, params.load().prepare.held_out)
    for name, mask in zip(files.SUBSETS, (~test, test), strict=True):
        rows = table.filter(mask)
        if len(set(rows.labels)) < 2:  # noqa: PLR2004 - a classifier needs two classes
            raise DataError(f"the {name} rows have fewer than two labels: more data is needed")
        files.write_table(files.PREPARED / f"{name}.npz", rows)
    return f"{(~test).sum()} training rows, {test.sum()} held out"


if __name__ == "__main__":
    sys.exit(files.main("prepare", run))
