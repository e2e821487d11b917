"""Takes past predictions from a file into the store, as if they had come in one by one."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import duckdb

from .frame import Names
from .records import Added, Label, Prediction
from .serving.inbox import LabelRow, PredictionRow, read_rows
from .sources.files import sql_of
from .sources.tables import SourceError
from .store.db import Database
from .store.events import add_labels, add_predictions

BATCH = 5000


def backfill(database: Database, path: str, names: Names) -> tuple[Added, Added]:
    """Add the predictions of a file, in its order, and the labels that it has.

    What is known already is not added again, so a run that was cut short can be repeated.

    Returns:
        What became of the predictions, and of the labels.

    Raises:
        SourceError: The file cannot be read, or has no ids.
    """
    predictions, labels = Added(0, 0, 0), Added(0, 0, 0)
    for rows in _batches(path, names):
        now = datetime.now(UTC)
        good = read_rows([_prediction(row, names) for row in rows], partial(_read_prediction, now))
        known = read_rows(
            [
                {"id": _identity(row[names.id]), "label": row[names.label]}
                for row in rows
                if row.get(names.label) is not None
            ],
            partial(_read_label, now),
        )
        predictions = _sum(predictions, add_predictions(database, good.rows, now))
        labels = _sum(labels, add_labels(database, known.rows, now))
    return predictions, labels


def _batches(path: str, names: Names) -> Iterator[list[dict[str, Any]]]:
    """The rows of a file as the inbox wants them, some thousands at a time."""
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET threads = 1")
        try:
            rows = connection.execute(f"FROM {sql_of(path)}")
            columns = [column[0] for column in rows.description or ()]
            if names.id not in columns:
                raise SourceError(
                    f"{path}: no column {names.id!r}; which has the ids? (APP_ID_COLUMN)"
                )
            while batch := rows.fetchmany(BATCH):
                yield [
                    {name: _plain(value) for name, value in zip(columns, row, strict=True)}
                    for row in batch
                ]
        except duckdb.Error as error:
            raise SourceError(f"{path}: {error}") from error


def _prediction(row: dict[str, Any], names: Names) -> dict[str, Any]:
    content = {
        "id": _identity(row[names.id]),
        "prediction": row.get(names.prediction),
        "features": {name: value for name, value in row.items() if name not in names.no_features},
    }
    if row.get(names.score) is not None:
        content["score"] = row[names.score]
    if row.get(names.time) is not None:
        content["happened_at"] = row[names.time]
    return content


def _read_prediction(now: datetime, row: Any) -> Prediction:
    return PredictionRow.model_validate(row).record(now)


def _read_label(now: datetime, row: Any) -> Label:
    return LabelRow.model_validate(row).record(now)


def _identity(value: Any) -> Any:
    return str(value) if isinstance(value, int) else value


def _plain(value: Any) -> Any:
    """A value of the database as JSON would have it; times without a zone are taken as UTC."""
    if isinstance(value, float) and value != value:  # noqa: PLR0124 - NaN
        return None
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return value


def _sum(one: Added, other: Added) -> Added:
    return Added(
        one.added + other.added, one.known + other.known, one.quarantined + other.quarantined
    )
