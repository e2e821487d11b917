"""Alerts that are to go out: written with the incident they tell of, sent afterwards.

An alert is in the database before anybody tries to send it, and marked as sent when its receiver
has said so. In between it is on lease: whoever takes it says so first, so that two processes
don't send it at once, and if that one dies, the lease runs out and the alert goes out again under
the same key. A receiver that knows keys sees it once, then; none misses it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from ..records import Alert, from_json, to_json
from .db import Transaction

Status = Literal["pending", "sent", "dead"]

_FIELDS = "alert, status, attempts, due_at, error, created_at, sent_at"


@dataclass(frozen=True)
class Letter:
    """An alert on its way: how often it was tried, when it is due, what went wrong last."""

    alert: Alert
    status: Status
    attempts: int
    due_at: datetime
    error: str
    created_at: datetime
    sent_at: datetime | None


def put(tx: Transaction, alert: Alert, now: datetime) -> None:
    """Have an alert sent once this transaction holds; one with a known key is not put twice."""
    tx.execute(
        "INSERT INTO alerts (key, number, route, incident, alert, status, attempts, due_at,"
        " error, created_at) VALUES ($1, (SELECT COALESCE(MAX(number), 0) + 1 FROM alerts),"
        " $2, $3, $4, 'pending', 0, $5, '', $5) ON CONFLICT (key) DO NOTHING",
        (alert.key, alert.route, alert.incident.id, to_json(alert), now),
    )


def take(tx: Transaction, now: datetime, lease: timedelta) -> Letter | None:
    """Take the next alert that is due, and put a lease on it.

    Alerts of one incident go out in order: a later one waits for those before it.
    """
    rows = tx.execute(
        f"SELECT key, {_FIELDS} FROM alerts AS a WHERE status = 'pending' AND due_at <= $1"  # noqa: S608 - a constant
        " AND NOT EXISTS (SELECT 1 FROM alerts AS b WHERE b.status = 'pending'"
        " AND b.route = a.route AND b.incident = a.incident AND b.number < a.number)"
        " ORDER BY number LIMIT 1",
        (now,),
    )
    if not rows:
        return None
    key, letter = rows[0][0], _letter(rows[0][1:])
    taken = tx.execute(
        "UPDATE alerts SET attempts = attempts + 1, due_at = $3"
        " WHERE key = $1 AND attempts = $2 AND status = 'pending' RETURNING key",
        (key, letter.attempts, now + lease),
    )
    return letter if taken else None


def sent(tx: Transaction, key: str, now: datetime) -> None:
    """The receiver has it."""
    tx.execute(
        "UPDATE alerts SET status = 'sent', sent_at = $2, error = '' WHERE key = $1", (key, now)
    )


def failed(tx: Transaction, key: str, error: str, due_at: datetime | None) -> None:
    """It did not arrive: try again at `due_at`, or, without one, never."""
    if due_at is None:
        tx.execute("UPDATE alerts SET status = 'dead', error = $2 WHERE key = $1", (key, error))
    else:
        tx.execute("UPDATE alerts SET due_at = $3, error = $2 WHERE key = $1", (key, error, due_at))


def revive(tx: Transaction, key: str, now: datetime) -> bool:
    """Try a dead letter again from the start; whether there was one."""
    return bool(
        tx.execute(
            "UPDATE alerts SET status = 'pending', attempts = 0, due_at = $2"
            " WHERE key = $1 AND status = 'dead' RETURNING key",
            (key, now),
        )
    )


def latest(tx: Transaction, limit: int, status: Status | None = None) -> list[Letter]:
    """The newest alerts, the newest first; of one status, if given."""
    where = "" if status is None else " WHERE status = $2"
    rows = tx.execute(
        f"SELECT {_FIELDS} FROM alerts{where} ORDER BY number DESC LIMIT $1",  # noqa: S608 - constants
        (limit,) if status is None else (limit, status),
    )
    return [_letter(row) for row in rows]


def of_incident(tx: Transaction, identity: str) -> list[Letter]:
    """All alerts of an incident, in order."""
    rows = tx.execute(
        f"SELECT {_FIELDS} FROM alerts WHERE incident = $1 ORDER BY number",  # noqa: S608 - a constant
        (identity,),
    )
    return [_letter(row) for row in rows]


def counts(tx: Transaction) -> dict[tuple[str, str], int]:
    """(route, status) -> how many alerts."""
    rows = tx.execute("SELECT route, status, COUNT(*) FROM alerts GROUP BY route, status")
    return {(route, status): number for route, status, number in rows}


def _letter(row: tuple[object, ...]) -> Letter:
    text, *rest = row
    return Letter(from_json(Alert, str(text)), *rest)  # type: ignore[arg-type] # columns in order
