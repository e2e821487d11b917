"""A stream to try things out with: a small model at work, and the drift that is planted in it.

Customers of a telephone company: the model tells who will leave (or what a customer will spend).
All is drawn from one seed, so that everyone sees the same. From window `DRIFT_FROM` on, prices in
the north are 9 higher: inputs change there, and with them what the model says. What inputs mean
stays as it was, so the model is right nearly as often as before.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LinearRegression, LogisticRegression

from .defaults import TASK
from .records import Label, Prediction, Task

WINDOW = 1000
WINDOWS = 14
DRIFT_FROM = 9
REFERENCE_ROWS = 10_000
DESCRIPTION = f"{REFERENCE_ROWS:,} predictions on a telephone company's customers"

_START = datetime(2026, 3, 2, tzinfo=UTC)
_BETWEEN = timedelta(seconds=60)
_PLANS, _REGIONS = ("basic", "plus", "family"), ("north", "south", "east", "west")
_NUMBERS = ("tenure", "charge", "calls")


@dataclass(frozen=True)
class Rows:
    """Customers, what the model says of them, and what turns out to be true."""

    features: pd.DataFrame
    prediction: NDArray[Any]
    score: NDArray[np.float64] | None
    label: NDArray[Any]


def write_reference(path: Path, task: Task = TASK) -> None:
    """Write what is normal as Parquet: predictions with their labels."""
    rows = _Model(task).work(_customers(np.random.default_rng(1), REFERENCE_ROWS), seed=2)
    table = rows.features.assign(prediction=rows.prediction, label=rows.label)
    if rows.score is not None:
        table["score"] = rows.score
    path.parent.mkdir(parents=True, exist_ok=True)
    target = str(path).replace("'", "''")
    with duckdb.connect() as connection:
        connection.register("reference", table)
        connection.execute(f"COPY reference TO '{target}' (FORMAT parquet)")


def batches(task: Task = TASK) -> Iterator[tuple[list[Prediction], list[Label]]]:
    """The stream, a window of predictions and their labels at a time."""
    model, rng = _Model(task), np.random.default_rng(3)
    for window in range(1, WINDOWS + 1):
        customers = _customers(rng, WINDOW, dearer=window >= DRIFT_FROM)
        yield _records(model.work(customers, seed=100 + window), (window - 1) * WINDOW)


def _records(rows: Rows, first: int) -> tuple[list[Prediction], list[Label]]:
    predictions, labels = [], []
    for index, features in enumerate(rows.features.to_dict("records")):
        identity = f"customer-{first + index}"
        score = None if rows.score is None else float(rows.score[index])
        said = rows.prediction[index].item()
        at = _START + (first + index) * _BETWEEN
        predictions.append(Prediction(identity, at, features, said, score))
        labels.append(Label(identity, rows.label[index].item()))
    return predictions, labels


def _customers(rng: np.random.Generator, count: int, *, dearer: bool = False) -> pd.DataFrame:
    region = rng.choice(_REGIONS, count, p=(0.35, 0.3, 0.2, 0.15))
    plan = rng.choice(_PLANS, count, p=(0.4, 0.4, 0.2))
    charge = rng.normal(30, 6, count) + 15 * (plan == "family") + 6 * (plan == "plus")
    charge += 9 * ((region == "north") & dearer)
    numbers = {
        "tenure": rng.gamma(2.5, 12, count).round(1),
        "charge": charge.round(2),
        "calls": rng.poisson(1.5, count),
    }
    return pd.DataFrame({**numbers, "plan": plan, "region": region})


def _truth(task: Task, customers: pd.DataFrame, seed: int) -> NDArray[Any]:
    """What customers do: the world, which the model has learned from."""
    rng, plan = np.random.default_rng(seed), customers["plan"]
    if task == "regression":
        spent = 12 * customers["charge"] + 30 * customers["calls"] + 2 * customers["tenure"]
        noise = rng.normal(0, 25 + 40 * (plan == "basic"), len(customers))
        return np.asarray((spent + noise).round(2))
    lean = -1.2 - 0.05 * (customers["tenure"] - 30) + 0.5 * (customers["calls"] - 1.5)
    lean += 0.03 * (customers["charge"] - 35) + 0.4 * (plan == "basic")
    leaves = rng.random(len(customers)) < 1 / (1 + np.exp(-lean))
    return np.where(leaves, "leaves", "stays")


class _Model:
    """The model that is watched: learned once, from customers before all others."""

    def __init__(self, task: Task) -> None:
        self._task = task
        customers = _customers(np.random.default_rng(0), 5000)
        kind = LinearRegression if task == "regression" else LogisticRegression
        self._fitted = kind().fit(_inputs(customers), _truth(task, customers, seed=1))

    def work(self, customers: pd.DataFrame, seed: int) -> Rows:
        """Predict, and learn from the seed what turns out to be true."""
        inputs, label = _inputs(customers), _truth(self._task, customers, seed)
        said = self._fitted.predict(inputs)
        if self._task == "regression":
            return Rows(customers, said.round(2), None, label)
        score = self._fitted.predict_proba(inputs).max(axis=1).round(4)
        return Rows(customers, said, score, label)


def _inputs(customers: pd.DataFrame) -> NDArray[np.float64]:
    """Features as numbers around zero; categories as flags."""
    centre, spread = np.array([30, 36, 1.5]), np.array([19, 9, 1.2])
    numbers = (customers[[*_NUMBERS]].to_numpy(float) - centre) / spread
    flags = [customers["plan"] == name for name in _PLANS]
    return np.column_stack([numbers, *flags]).astype(float)


def main() -> int:
    """Write the reference; gives the exit code."""
    parser = argparse.ArgumentParser(description="Write the reference of the shipped stream.")
    parser.add_argument("--reference", type=Path, required=True, metavar="FILE")
    path: Path = parser.parse_args().reference
    write_reference(path)
    print(f"Wrote {path}: {DESCRIPTION}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
