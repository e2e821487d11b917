"""The outbox: alerts are stored in the transaction of their incident and sent afterwards.

An alert is stored before the first attempt to send it, and marked as sent once the receiver has
accepted it. A process that wants to send an alert claims it for the duration of a lease, so that
two processes do not send it at the same time. If the process dies, the lease expires and the alert
is sent again with the same key. Receivers that check keys process it exactly once; others may get
it twice, but never miss it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from ..records import Alert, from_json, to_json
from .db import Transaction

Status = Literal["pending", "sent", "dead"]

_FIELDS = "alert, status, attempts, due_at, error, created_at, sent_at"


@dataclass(frozen=True)
class Message:
    """An alert in the outbox, with its attempts, its due time and its last error."""

    alert: Alert
    status: Status
    attempts: int
    due_at: datetime
    error: str
    created_at: datetime
    sent_at: datetime | None


def enqueue(tx: Transaction, alert: Alert, now: datetime) -> None:
    """Add an alert, to be sent after the transaction commits; known keys are ignored."""
    tx.execute(
        "INSERT INTO alerts (key, number, route, incident, alert, status, attempts, due_at,"
        " error, created_at) VALUES ($1, (SELECT COALESCE(MAX(number), 0) + 1 FROM alerts),"
        " $2, $3, $4, 'pending', 0, $5, '', $5) ON CONFLICT (key) DO NOTHING",
        (alert.key, alert.route, alert.incident.id, to_json(alert), now),
    )


def claim(tx: Transaction, now: datetime, lease: timedelta) -> Message | None:
    """Claim the next alert that is due, for the duration of the lease.

    Alerts about an incident are sent in order: a later one waits for the earlier ones.
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
    key, message = rows[0][0], _message(rows[0][1:])
    claimed = tx.execute(
        "UPDATE alerts SET attempts = attempts + 1, due_at = $3"
        " WHERE key = $1 AND attempts = $2 AND status = 'pending' RETURNING key",
        (key, message.attempts, now + lease),
    )
    return message if claimed else None


def mark_sent(tx: Transaction, key: str, now: datetime) -> None:
    """Mark an alert as accepted by its receiver."""
    tx.execute(
        "UPDATE alerts SET status = 'sent', sent_at = $2, error = '' WHERE key = $1", (key, now)
    )


def mark_failed(tx: Transaction, key: str, error: str, due_at: datetime | None) -> None:
    """Record a failure: retry at `due_at`, or never if it is None."""
    if due_at is None:
        tx.execute("UPDATE alerts SET status = 'dead', error = $2 WHERE key = $1", (key, error))
    else:
        tx.execute("UPDATE alerts SET due_at = $3, error = $2 WHERE key = $1", (key, error, due_at))


def retry(tx: Transaction, key: str, now: datetime) -> bool:
    """Reset an alert that was given up; return whether there was one with this key."""
    return bool(
        tx.execute(
            "UPDATE alerts SET status = 'pending', attempts = 0, due_at = $2"
            " WHERE key = $1 AND status = 'dead' RETURNING key",
            (key, now),
        )
    )


def latest(tx: Transaction, limit: int, status: Status | None = None) -> list[Message]:
    """The newest alerts, newest first, optionally with one status only."""
    where = "" if status is None else " WHERE status = $2"
    rows = tx.execute(
        f"SELECT {_FIELDS} FROM alerts{where} ORDER BY number DESC LIMIT $1",  # noqa: S608 - constants
        (limit,) if status is None else (limit, status),
    )
    return [_message(row) for row in rows]


def for_incident(tx: Transaction, incident_id: str) -> list[Message]:
    """All alerts about an incident, in order."""
    rows = tx.execute(
        f"SELECT {_FIELDS} FROM alerts WHERE incident = $1 ORDER BY number",  # noqa: S608 - a constant
        (incident_id,),
    )
    return [_message(row) for row in rows]


def count_by_status(tx: Transaction) -> dict[tuple[str, str], int]:
    """The number of alerts by (route, status)."""
    rows = tx.execute("SELECT route, status, COUNT(*) FROM alerts GROUP BY route, status")
    return {(route, status): number for route, status, number in rows}


def _message(row: tuple[object, ...]) -> Message:
    text, *rest = row
    return Message(from_json(Alert, str(text)), *rest)  # type: ignore[arg-type] # columns in order
