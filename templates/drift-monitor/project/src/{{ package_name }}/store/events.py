"""Predictions and late labels as they come in; each counts once, however often it is sent."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import orjson

from ..records import Added, Label, Malformed, Prediction, Value
from .db import Database, Row, Transaction


def add_predictions(db: Database, rows: Iterable[Prediction | Malformed], now: datetime) -> Added:
    """Keep predictions in the order in which they come.

    The first with an id counts. Rows that are no predictions go to quarantine, with the reason.
    """
    good, bad = _sorted_out(rows)
    unique = {row.id: row for row in good if isinstance(row, Prediction)}
    with db.transaction() as tx:
        _quarantine(tx, "predictions", bad, now)
        if not unique:
            return Added(0, len(good), len(bad))
        # Taking the mark first makes writers take turns until they commit.
        last = _advance(tx, 0)
        known = tx.execute(
            "SELECT id FROM events WHERE id IN (SELECT unnest($1::text[]))", (list(unique),)
        )
        for (identity,) in known:
            del unique[identity]
        if unique:
            _insert(tx, list(unique.values()), last + 1, now)
            _advance(tx, len(unique))
    return Added(len(unique), len(good) - len(unique), len(bad))


def add_labels(db: Database, rows: Iterable[Label | Malformed], now: datetime) -> Added:
    """Keep labels, also such as come before their prediction. The first for an id counts."""
    good, bad = _sorted_out(rows)
    unique = {row.id: _json(row.label) for row in reversed(good) if isinstance(row, Label)}
    with db.transaction() as tx:
        _quarantine(tx, "labels", bad, now)
        if not unique:
            return Added(0, len(good), len(bad))
        added = tx.execute(
            "INSERT INTO labels SELECT unnest($1::text[]), unnest($2::text[]), $3::timestamptz"
            " ON CONFLICT (id) DO NOTHING RETURNING id",
            (list(unique), list(unique.values()), now),
        )
    return Added(len(added), len(good) - len(added), len(bad))


def quarantined(db: Database) -> dict[str, int]:
    """How many rows were refused, by reason."""
    with db.transaction() as tx:
        rows = tx.execute("SELECT reason, count(*) FROM quarantine GROUP BY reason ORDER BY 2 DESC")
    return {str(reason): int(count) for reason, count in rows}


def between(
    tx: Transaction, first: int, last: int
) -> tuple[list[Prediction], list[Value], list[bool]]:
    """The predictions at these positions, their labels, and which of them have one."""
    rows = tx.execute(
        "SELECT e.id, e.happened_at, e.features, e.prediction, e.score, l.label"
        " FROM events e LEFT JOIN labels l ON l.id = e.id"
        " WHERE e.position BETWEEN $1 AND $2 ORDER BY e.position",
        (first, last),
    )
    labels: list[Value] = [None if row[5] is None else orjson.loads(row[5]) for row in rows]
    return [_prediction(row) for row in rows], labels, [row[5] is not None for row in rows]


def _prediction(row: Row) -> Prediction:
    identity, happened_at, features, prediction, score, _ = row
    return Prediction(
        identity, happened_at, orjson.loads(features), orjson.loads(prediction), score
    )


def _sorted_out(
    rows: Iterable[Prediction | Label | Malformed],
) -> tuple[list[Prediction | Label], list[Malformed]]:
    good: list[Prediction | Label] = []
    bad: list[Malformed] = []
    for row in rows:
        if isinstance(row, Malformed):
            bad.append(row)
        else:
            good.append(row)
    return good, bad


def _advance(tx: Transaction, count: int) -> int:
    """Move the mark of the last event; gives where it is now."""
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


def _quarantine(tx: Transaction, source: str, rows: Sequence[Malformed], now: datetime) -> None:
    if rows:
        tx.execute(
            "INSERT INTO quarantine SELECT $1::timestamptz, $2::text, unnest($3::text[]),"
            " unnest($4::text[])",
            (now, source, [row.reason for row in rows], [row.content for row in rows]),
        )


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
