"""The sample stream: customers of a fictional bank, a model, and a drift of known kind and size.

All data is simulated with a seed, so the truth is known: when the drift starts, which columns it
affects, and whether only the labels show it. The model is real and trained on earlier customers.
The classifier predicts who will repay a loan, the regression model how much they spend.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from .defaults import TASK
from .frame import PREDICTION, SCORE, Frame, from_predictions
from .records import Column, Label, Prediction, Schema, Task, Value
from .sources.files import write_parquet

WINDOW = 1000
WINDOWS = 14
DRIFT_FROM = 9
REFERENCE_ROWS = 6000
DESCRIPTION = f"{REFERENCE_ROWS:,} predictions for customers of a fictional bank, with labels"

Drift = Literal["none", "abrupt", "gradual", "recurring", "label-only"]
DRIFTS: tuple[Drift, ...] = get_args(Drift)

START = datetime(2026, 1, 5, tzinfo=UTC)
STEP = timedelta(seconds=60)
"""Time between predictions."""
RECURRENCE_WINDOWS = 4
"""A recurring drift is present for this many windows, then absent for as many."""
GROWTH_WINDOWS = 8
"""A gradual drift reaches its full size after this many windows."""

REGIONS = ("north", "south", "east", "west", "abroad")
CHANNELS = ("branch", "web", "app")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Batch:
    """One window of the stream: predictions, and the labels that follow."""

    number: int
    drift: float
    """Size of the drift in this window, from 0 to 1."""
    predictions: list[Prediction]
    labels: list[Label]


@dataclass(frozen=True)
class Stream:
    """A reference, and the windows that follow it."""

    task: Task
    schema: Schema
    reference: Frame
    drift: Drift
    drift_from: int
    """The first window with drift, counted from 1."""
    rows: int
    seed: int
    _model: Any

    def batches(self, windows: int) -> Iterator[Batch]:
        """The given number of windows from the start; the same ones on each call."""
        for number in range(1, windows + 1):
            rng = np.random.default_rng([self.seed, number])
            amount = drift_amount(self.drift, number, self.drift_from)
            first = (number - 1) * self.rows
            yield Batch(number, amount, *self._draw(rng, first, amount))

    def _draw(
        self, rng: np.random.Generator, first: int, amount: float
    ) -> tuple[list[Prediction], list[Label]]:
        shift = 0.0 if self.drift == "label-only" else amount
        flipped = amount if self.drift == "label-only" else 0.0
        customers = draw_customers(rng, self.rows, shift)
        truth = draw_truth(rng, self.task, customers, flipped)
        predictions = predict(self._model, self.task, customers, first)
        labels = [Label(event.id, value) for event, value in zip(predictions, truth, strict=True)]
        return predictions, labels


def make_stream(  # noqa: PLR0913 - all but the first have defaults
    task: Task,
    drift: Drift = "abrupt",
    *,
    drift_from: int = DRIFT_FROM,
    rows: int = WINDOW,
    reference_rows: int = REFERENCE_ROWS,
    seed: int = 0,
) -> Stream:
    """Train the model on earlier customers and let it predict the reference."""
    rng = np.random.default_rng([seed, 0])
    customers = draw_customers(rng, 6000, 0)
    model = train(task, customers, draw_truth(rng, task, customers, 0), seed)
    customers = draw_customers(rng, reference_rows, 0)
    truth = draw_truth(rng, task, customers, 0)
    before = predict(model, task, customers, -reference_rows)
    schema = schema_of(task)
    reference = from_predictions(schema, before, list(truth))
    return Stream(task, schema, reference, drift, drift_from, rows, seed, model)


def batches(
    task: Task = TASK, drift: Drift = "abrupt"
) -> Iterator[tuple[list[Prediction], list[Label]]]:
    """The stream of the demo: the predictions and labels of each window."""
    for batch in make_stream(task, drift, drift_from=DRIFT_FROM).batches(WINDOWS):
        yield batch.predictions, batch.labels


def write_reference(path: Path, task: Task = TASK) -> None:
    """Write the reference as Parquet: predictions with their labels."""
    stream = make_stream(task)
    path.parent.mkdir(parents=True, exist_ok=True)
    labels = stream.reference.label_table(stream.schema.label_kind)
    write_parquet(str(path), {**stream.reference.columns, **labels.columns})


def drift_amount(drift: Drift, window: int, drift_from: int) -> float:
    """The size of the drift in a window, from 0 to 1."""
    since = window - drift_from
    if drift == "none" or since < 0:
        return 0.0
    if drift == "gradual":
        return min((since + 1) / GROWTH_WINDOWS, 1.0)
    if drift == "recurring":
        return 1.0 if since // RECURRENCE_WINDOWS % 2 == 0 else 0.0
    return 1.0


def schema_of(task: Task) -> Schema:
    """The columns of the stream."""
    customers = draw_customers(np.random.default_rng(0), 2, 0)
    columns = [
        Column(name, "numeric" if isinstance(values[0], float) else "categorical")
        for name, values in customers.items()
    ]
    if task == "regression":
        return Schema(task, (*columns, Column(PREDICTION, "numeric", "prediction")))
    columns.append(Column(PREDICTION, "categorical", "prediction"))
    return Schema(task, (*columns, Column(SCORE, "numeric", "score")))


def draw_customers(rng: np.random.Generator, rows: int, shift: float) -> dict[str, list[Any]]:
    """Draw customers. At a shift of 1 they earn 30 % more, and half of the branch's use the app."""
    age = np.clip(rng.normal(44, 13, rows), 18, 95)
    income = np.exp(rng.normal(7.9, 0.45, rows) + 0.008 * (age - 44)) * (1 + 0.3 * shift)
    debt = income * rng.gamma(2.0, 0.9, rows)
    balance = rng.normal(0.4, 0.8, rows) * income
    tenure = rng.exponential(60, rows)
    visits = rng.poisson(6, rows).astype(np.float64)
    channels = rng.choice(3, rows, p=(0.35, 0.4, 0.25))
    to_app = (channels == 0) & (rng.random(rows) < 0.5 * shift)
    channels = np.where(to_app, 2, channels)
    regions = rng.choice(5, rows, p=(0.3, 0.25, 0.2, 0.2, 0.05))
    unknown = rng.random(rows) < 0.02  # noqa: PLR2004 - a few are missing
    return {
        "age": np.round(age, 1).tolist(),
        "income": np.round(income, 2).tolist(),
        "debt": np.round(debt, 2).tolist(),
        "balance": np.round(balance, 2).tolist(),
        "tenure": [
            None if no else value for no, value in zip(unknown, tenure.tolist(), strict=True)
        ],
        "visits": visits.tolist(),
        "channel": [CHANNELS[at] for at in channels],
        "region": [REGIONS[at] for at in regions],
    }


def draw_truth(
    rng: np.random.Generator, task: Task, customers: dict[str, list[Any]], flipped: float
) -> list[str | float]:
    """Draw the labels. At `flipped` 1, customers in the south behave differently than before.

    No input shows this drift: only the relationship between inputs and labels changes.
    """
    income, debt, balance = (np.array(customers[name]) for name in ("income", "debt", "balance"))
    region = np.array(customers["region"])
    app = np.array(customers["channel"]) == "app"
    affected = (region == "south") * flipped
    burden = debt / income
    signal = 1.9 - 0.95 * burden + 0.6 * np.tanh(balance / income) + 0.5 * app - 3.0 * affected
    signal += 0.35 * np.log(income / 2700) + 0.4 * (region == "north")
    if task == "classification":
        repaid = rng.random(len(signal)) < 1 / (1 + np.exp(-1.7 * signal))
        return ["repaid" if yes else "defaulted" for yes in repaid.tolist()]
    spent = income * (0.3 + 0.05 * signal) * np.exp(rng.normal(0, 0.1, len(signal)))
    values: list[str | float] = np.round(spent, 2).tolist()
    return values


def train(task: Task, customers: dict[str, list[Any]], truth: Sequence[Value], seed: int) -> Any:
    """Train the monitored model: boosted trees."""
    from sklearn.ensemble import (  # noqa: PLC0415 - slow to import
        HistGradientBoostingClassifier,
        HistGradientBoostingRegressor,
    )

    kind = (
        HistGradientBoostingClassifier
        if task == "classification"
        else HistGradientBoostingRegressor
    )
    model = kind(max_iter=80, max_leaf_nodes=12, random_state=seed)
    return model.fit(_matrix(customers), np.array(truth))


def predict(
    model: Any, task: Task, customers: dict[str, list[Any]], first: int
) -> list[Prediction]:
    """Predict for customers; `first` is the number of the first one."""
    matrix = _matrix(customers)
    scores: list[float | None]
    if task == "classification":
        chances = model.predict_proba(matrix)
        answers = [str(model.classes_[at]) for at in chances.argmax(axis=1)]
        scores = np.round(chances.max(axis=1), 6).tolist()
    else:
        answers = np.round(model.predict(matrix), 4).tolist()
        scores = [None] * len(answers)
    rows = [dict(zip(customers, row, strict=True)) for row in zip(*customers.values(), strict=True)]
    return [
        Prediction(f"c{first + at:07d}", START + (first + at) * STEP, row, answer, score)
        for at, (row, answer, score) in enumerate(zip(rows, answers, scores, strict=True))
    ]


def _matrix(customers: dict[str, list[Any]]) -> Floats:
    columns = []
    for name, values in customers.items():
        names = {"channel": CHANNELS, "region": REGIONS}.get(name)
        columns.append([names.index(value) for value in values] if names else values)
    return np.array(columns, dtype=np.float64).T


def main() -> int:
    """Write the reference of the sample stream and return the exit code."""
    parser = argparse.ArgumentParser(description="Write the reference of the sample stream.")
    parser.add_argument("--reference", type=Path, required=True, metavar="FILE")
    path: Path = parser.parse_args().reference
    write_reference(path)
    sys.stdout.write(f"Wrote {path}: {DESCRIPTION}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
