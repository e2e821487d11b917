"""The shipped stream: customers of a made-up bank, a model, and a drift of known kind and size.

Everything is drawn from formulas with a seed, so that what is true is known: when the drift begins,
in which columns, and whether only the labels tell. The model is a real one, trained on customers
of the time before. As a classifier it says who will repay a loan; as a regressor, what they spend.
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
DESCRIPTION = f"{REFERENCE_ROWS:,} predictions on customers of a made-up bank, and their labels"

Drift = Literal["none", "abrupt", "gradual", "recurring", "label-only"]
DRIFTS: tuple[Drift, ...] = get_args(Drift)

START = datetime(2026, 1, 5, tzinfo=UTC)
STEP = timedelta(seconds=60)
"""From one prediction to the next."""
RECURS = 4
"""A recurring drift comes for so many windows, and goes for as many."""
GROWS = 8
"""A gradual drift takes so many windows to full size."""

REGIONS = ("north", "south", "east", "west", "abroad")
CHANNELS = ("branch", "web", "app")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Batch:
    """One window of the stream: predictions, and the labels that come later."""

    number: int
    drift: float
    """How much of the drift is there, from 0 to 1."""
    predictions: list[Prediction]
    labels: list[Label]


@dataclass(frozen=True)
class Stream:
    """A reference, and the windows that follow it."""

    task: Task
    schema: Schema
    reference: Frame
    drift: Drift
    begins: int
    """The first window with drift, counted from 1."""
    rows: int
    seed: int
    _model: Any

    def batches(self, windows: int) -> Iterator[Batch]:
        """The first so many windows; the same ones each time."""
        for number in range(1, windows + 1):
            rng = np.random.default_rng([self.seed, number])
            amount = amount_of(self.drift, number, self.begins)
            first = (number - 1) * self.rows
            yield Batch(number, amount, *self._draw(rng, first, amount))

    def _draw(
        self, rng: np.random.Generator, first: int, amount: float
    ) -> tuple[list[Prediction], list[Label]]:
        moved = 0.0 if self.drift == "label-only" else amount
        flipped = amount if self.drift == "label-only" else 0.0
        customers = draw_customers(rng, self.rows, moved)
        truth = draw_truth(rng, self.task, customers, flipped)
        predictions = predict(self._model, self.task, customers, first)
        labels = [Label(event.id, value) for event, value in zip(predictions, truth, strict=True)]
        return predictions, labels


def make_stream(  # noqa: PLR0913 - all but the first have defaults
    task: Task,
    drift: Drift = "abrupt",
    *,
    begins: int = DRIFT_FROM,
    rows: int = WINDOW,
    reference_rows: int = REFERENCE_ROWS,
    seed: int = 0,
) -> Stream:
    """Train the model on customers of the time before, and have it predict the reference."""
    rng = np.random.default_rng([seed, 0])
    customers = draw_customers(rng, 6000, 0)
    model = train(task, customers, draw_truth(rng, task, customers, 0), seed)
    customers = draw_customers(rng, reference_rows, 0)
    truth = draw_truth(rng, task, customers, 0)
    before = predict(model, task, customers, -reference_rows)
    schema = schema_of(task)
    reference = from_predictions(schema, before, list(truth))
    return Stream(task, schema, reference, drift, begins, rows, seed, model)


def batches(
    task: Task = TASK, drift: Drift = "abrupt"
) -> Iterator[tuple[list[Prediction], list[Label]]]:
    """The stream of the demo, a window of predictions and their labels at a time."""
    for batch in make_stream(task, drift, begins=DRIFT_FROM).batches(WINDOWS):
        yield batch.predictions, batch.labels


def write_reference(path: Path, task: Task = TASK) -> None:
    """Write what is normal as Parquet: predictions with their labels."""
    stream = make_stream(task)
    path.parent.mkdir(parents=True, exist_ok=True)
    labels = stream.reference.label_table(stream.schema.label_kind)
    write_parquet(str(path), {**stream.reference.columns, **labels.columns})


def amount_of(drift: Drift, window: int, begins: int) -> float:
    """How much of the drift a window has, from 0 to 1."""
    since = window - begins
    if drift == "none" or since < 0:
        return 0.0
    if drift == "gradual":
        return min((since + 1) / GROWS, 1.0)
    if drift == "recurring":
        return 1.0 if since // RECURS % 2 == 0 else 0.0
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


def draw_customers(rng: np.random.Generator, rows: int, moved: float) -> dict[str, list[Any]]:
    """Customers. With `moved` at 1 they earn 30 % more, and half of the branch's have the app."""
    age = np.clip(rng.normal(44, 13, rows), 18, 95)
    income = np.exp(rng.normal(7.9, 0.45, rows) + 0.008 * (age - 44)) * (1 + 0.3 * moved)
    debt = income * rng.gamma(2.0, 0.9, rows)
    balance = rng.normal(0.4, 0.8, rows) * income
    tenure = rng.exponential(60, rows)
    visits = rng.poisson(6, rows).astype(np.float64)
    channels = rng.choice(3, rows, p=(0.35, 0.4, 0.25))
    to_app = (channels == 0) & (rng.random(rows) < 0.5 * moved)
    channels = np.where(to_app, 2, channels)
    regions = rng.choice(5, rows, p=(0.3, 0.25, 0.2, 0.2, 0.05))
    unknown = rng.random(rows) < 0.02  # noqa: PLR2004 - some never tell
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
    """What turns out to be true. With `flipped` at 1, the south does as the north did not.

    That is a drift that no input shows: only what follows from the inputs has changed.
    """
    income, debt, balance = (np.array(customers[name]) for name in ("income", "debt", "balance"))
    region = np.array(customers["region"])
    app = np.array(customers["channel"]) == "app"
    hit = (region == "south") * flipped
    burden = debt / income
    signal = 1.9 - 0.95 * burden + 0.6 * np.tanh(balance / income) + 0.5 * app - 3.0 * hit
    signal += 0.35 * np.log(income / 2700) + 0.4 * (region == "north")
    if task == "classification":
        repaid = rng.random(len(signal)) < 1 / (1 + np.exp(-1.7 * signal))
        return ["repaid" if yes else "defaulted" for yes in repaid.tolist()]
    spent = income * (0.3 + 0.05 * signal) * np.exp(rng.normal(0, 0.1, len(signal)))
    values: list[str | float] = np.round(spent, 2).tolist()
    return values


def train(task: Task, customers: dict[str, list[Any]], truth: Sequence[Value], seed: int) -> Any:
    """The model that is watched: boosted trees."""
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
    """What the model says of customers; `first` is the number of the first of them."""
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
    """Write the reference of the shipped stream; gives the exit code."""
    parser = argparse.ArgumentParser(description="Write the reference of the shipped stream.")
    parser.add_argument("--reference", type=Path, required=True, metavar="FILE")
    path: Path = parser.parse_args().reference
    write_reference(path)
    sys.stdout.write(f"Wrote {path}: {DESCRIPTION}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
