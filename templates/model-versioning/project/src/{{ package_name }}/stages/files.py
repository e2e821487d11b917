"""Files between stages: arrays without timestamps, so the same rows give the same bytes."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..data.table import Table
from ..errors import ProjectError

PREPARED = Path("data/prepared")
FEATURES = Path("data/features")
FEATURIZER_FILE = FEATURES / "featurizer.onnx"
MODEL_FILE = Path("models/model.onnx")
SUBSETS = ("train", "test")


def write_table(path: Path, table: Table) -> None:
    """Write rows as a NumPy archive."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(
        path,
        ids=np.array(table.ids),
        labels=np.array(table.labels),
        columns=np.array(table.columns),
        values=table.values,
    )


def read_table(path: Path) -> Table:
    """Read rows written by `write_table`."""
    with np.load(path, allow_pickle=False) as archive:
        ids, labels, columns = (tuple(archive[name]) for name in ("ids", "labels", "columns"))
        return Table(
            tuple(map(str, ids)),
            tuple(map(str, labels)),
            tuple(map(str, columns)),
            archive["values"],
        )


def write_features(path: Path, features: NDArray[np.float32]) -> None:
    """Write features, of shape (rows, features)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, features)


def read_features(path: Path) -> NDArray[np.float32]:
    """Read features, of shape (rows, features)."""
    features: NDArray[np.float32] = np.load(path, allow_pickle=False)
    return features


def main(name: str, stage: Callable[[], str]) -> int:
    """Run a stage as a command: prints one line with its result or its error."""
    try:
        print(f"{name:<10} {stage()}", flush=True)  # noqa: T201 - the stage's output
    except ProjectError as error:
        print(f"error: {name}: {error}", file=sys.stderr)  # noqa: T201
        return error.code
    return 0
