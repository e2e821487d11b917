"""Stores predictions and labels; each one counts once, no matter how often it is sent."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import orjson

from ..records import IngestResult, Label, MalformedRow, Prediction, Value
from .db import Database, Row, Transaction


def add_predictions(
    db: Database, rows: Iterable[Prediction | MalformedRow], now: datetime
) -> IngestResult:
    """Store predictions in the order in which they arrive.

    Only the first prediction with an id counts. Malformed rows go to quarantine, with the reason.
    """
    valid, malformed = _split_rows(rows)
    unique = {row.id: row for row in valid if isinstance(row, Prediction)}
    with db.transaction() as tx:
        _quarantine(tx, "predictions", malformed, now)
        if not unique:
            return IngestResult(0, len(valid), len(malformed))
        # Updating the counter locks its row, so writers take turns until they commit.
        last = _advance_counter(tx, 0)
        known = tx.execute(
            "SELECT id FROM events WHERE id IN (SELECT unnest($1::text[]))", (list(unique),)
        )
        for (row_id,) in known:
            del unique[row_id]
        if unique:
            _insert(tx, list(unique.values()), last + 1, now)
            _advance_counter(tx, len(unique))
    return IngestResult(len(unique), len(valid) - len(unique), len(malformed))


def add_labels(db: Database, rows: Iterable[Label | MalformedRow], now: datetime) -> IngestResult:
    """Store labels, even if they arrive before their prediction. The first for an id counts."""
    valid, malformed = _split_rows(rows)
    unique = {row.id: _json(row.label) for row in reversed(valid) if isinstance(row, Label)}
    with db.transaction() as tx:
        _quarantine(tx, "labels", malformed, now)
        if not unique:
            return IngestResult(0, len(valid), len(malformed))
        added = tx.execute(
            "INSERT INTO labels SELECT unnest($1::text[]), unnest($2::text[]), $3::timestamptz"
            " ON CONFLICT (id) DO NOTHING RETURNING id",
            (list(unique), list(unique.values()), now),
        )
    return IngestResult(len(added), len(valid) - len(added), len(malformed))


def quarantined(db: Database) -> dict[str, int]:
    """The number of rows in quarantine, by reason."""
    with db.transaction() as tx:
        rows = tx.execute("SELECT reason, count(*) FROM quarantine GROUP BY reason ORDER BY 2 DESC")
    return {str(reason): int(count) for reason, count in rows}


def between(
    tx: Transaction, first: int, last: int
) -> tuple[list[Prediction], list[Value], list[bool]]:
    """The predictions at these positions, their labels, and which of them have a label."""
    rows = tx.execute(
        "SELECT e.id, e.happened_at, e.features, e.prediction, e.score, l.label"
        " FROM events e LEFT JOIN labels l ON l.id = e.id"
        " WHERE e.position BETWEEN $1 AND $2 ORDER BY e.position",
        (first, last),
    )
    labels: list[Value] = [None if row[5] is None else orjson.loads(row[5]) for row in rows]
    return [_prediction(row) for row in rows], labels, [row[5] is not None for row in rows]


def _prediction(row: Row) -> Prediction:
    row_id, happened_at, features, prediction, score, _ = row
    return Prediction(row_id, happened_at, orjson.loads(features), orjson.loads(prediction), score)


def _split_rows(
    rows: Iterable[Prediction | Label | MalformedRow],
) -> tuple[list[Prediction | Label], list[MalformedRow]]:
    valid: list[Prediction | Label] = []
    malformed: list[MalformedRow] = []
    for row in rows:
        if isinstance(row, MalformedRow):
            malformed.append(row)
        else:
            valid.append(row)
    return valid, malformed


def _advance_counter(tx: Transaction, count: int) -> int:
    """Advance the position of the last event and return it."""
    rows = tx.execute(
        "UPDATE marks SET value = value + $1 WHERE name = 'events' RETURNING value", (count,)
    )
    return int(rows[0][0])


def _insert(tx: Transaction, rows: Sequence[Prediction], first: int, now: datetime) -> None:
    tx.execute(
        "INSERT INTO events SELECT unnest($1::bigint[]), unnest($2::text[]),"
        " unnest($3::timestamptz[]), $4::timestamptz, unnest($5::text[]), unnest($6::text[]),"
        " unnest($7::double precision[])",
        (
            list(range(first, first + len(rows))),
            [row.id for row in rows],
            [row.happened_at for row in rows],
            now,
            [_json(dict(row.features)) for row in rows],
            [_json(row.prediction) for row in rows],
            [row.score for row in rows],
        ),
    )


def _quarantine(tx: Transaction, source: str, rows: Sequence[MalformedRow], now: datetime) -> None:
    if rows:
        tx.execute(
            "INSERT INTO quarantine SELECT $1::timestamptz, $2::text, unnest($3::text[]),"
            " unnest($4::text[])",
            (now, source, [row.reason for row in rows], [row.content for row in rows]),
        )


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
