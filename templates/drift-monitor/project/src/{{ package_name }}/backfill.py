"""Loads past predictions from a file into the store, as if they had just been received."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import duckdb

from .frame import ColumnNames
from .records import IngestResult, Label, Prediction
from .serving.ingest import LabelRow, PredictionRow, parse_rows
from .sources.files import sql_of
from .sources.tables import SourceError
from .store.db import Database
from .store.events import add_labels, add_predictions

BATCH = 5000


def backfill(
    database: Database, path: str, names: ColumnNames
) -> tuple[IngestResult, IngestResult]:
    """Add the predictions of a file, in file order, and its labels, if any.

    Rows that are already stored are skipped, so an interrupted run can be repeated.

    Returns:
        The results for the predictions and for the labels.

    Raises:
        SourceError: The file cannot be read, or has no ids.
    """
    predictions, labels = IngestResult(0, 0, 0), IngestResult(0, 0, 0)
    for rows in _batches(path, names):
        now = datetime.now(UTC)
        parsed = parse_rows(
            [_prediction(row, names) for row in rows], partial(_read_prediction, now)
        )
        labelled = parse_rows(
            [
                {"id": _id(row[names.id]), "label": row[names.label]}
                for row in rows
                if row.get(names.label) is not None
            ],
            partial(_read_label, now),
        )
        predictions = _sum(predictions, add_predictions(database, parsed.rows, now))
        labels = _sum(labels, add_labels(database, labelled.rows, now))
    return predictions, labels


def _batches(path: str, names: ColumnNames) -> Iterator[list[dict[str, Any]]]:
    """The rows of a file as dictionaries, BATCH rows at a time."""
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET threads = 1")
        try:
            rows = connection.execute(f"FROM {sql_of(path)}")
            columns = [column[0] for column in rows.description or ()]
            if names.id not in columns:
                raise SourceError(
                    f"{path}: no column {names.id!r}; set APP_ID_COLUMN to the column with the ids"
                )
            while batch := rows.fetchmany(BATCH):
                yield [
                    {name: _json_value(value) for name, value in zip(columns, row, strict=True)}
                    for row in batch
                ]
        except duckdb.Error as error:
            raise SourceError(f"{path}: {error}") from error


def _prediction(row: dict[str, Any], names: ColumnNames) -> dict[str, Any]:
    content = {
        "id": _id(row[names.id]),
        "prediction": row.get(names.prediction),
        "features": {name: value for name, value in row.items() if name not in names.non_features},
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


def _id(value: Any) -> Any:
    return str(value) if isinstance(value, int) else value


def _json_value(value: Any) -> Any:
    """Convert a DuckDB value to what JSON input would contain; naive times are taken as UTC."""
    if isinstance(value, float) and value != value:  # noqa: PLR0124 - NaN
        return None
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return value


def _sum(one: IngestResult, other: IngestResult) -> IngestResult:
    return IngestResult(
        one.added + other.added, one.known + other.known, one.quarantined + other.quarantined
    )
