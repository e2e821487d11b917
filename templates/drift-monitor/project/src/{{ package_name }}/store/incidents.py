"""Incidents in the database: read with what was lately resolved, written with each transition."""

from datetime import datetime

from ..records import Incident, from_json, to_json
from .db import Transaction

RECENT = 20
"""Resolved incidents that late labels may still belong to."""


def known(tx: Transaction) -> list[Incident]:
    """The open incidents, and those resolved last."""
    rows = tx.execute(
        "SELECT incident FROM incidents WHERE open OR number IN ("
        "SELECT number FROM incidents WHERE NOT open ORDER BY number DESC LIMIT $1)"
        " ORDER BY number",
        (RECENT,),
    )
    return [from_json(Incident, text) for (text,) in rows]


def save(tx: Transaction, incident: Incident) -> None:
    """Write an incident, new or changed."""
    tx.execute(
        "INSERT INTO incidents (id, number, open, opened_at, incident) VALUES ("
        "$1, (SELECT COALESCE(MAX(number), 0) + 1 FROM incidents), $2, $3, $4)"
        " ON CONFLICT (id) DO UPDATE SET open = excluded.open, incident = excluded.incident",
        (incident.id, incident.resolved_at is None, incident.opened_at, to_json(incident)),
    )


def find(tx: Transaction, identity: str) -> Incident | None:
    """The incident of that id, if there is one."""
    rows = tx.execute("SELECT incident FROM incidents WHERE id = $1", (identity,))
    return from_json(Incident, rows[0][0]) if rows else None


def latest(tx: Transaction, limit: int, *, before: datetime | None = None) -> list[Incident]:
    """The newest incidents, open or not, the newest first; of those opened before, if given."""
    if before is None:
        sql = "SELECT incident FROM incidents ORDER BY number DESC LIMIT $1"
        rows = tx.execute(sql, (limit,))
    else:
        sql = "SELECT incident FROM incidents WHERE opened_at < $2 ORDER BY number DESC LIMIT $1"
        rows = tx.execute(sql, (limit, before))
    return [from_json(Incident, text) for (text,) in rows]


def count_open(tx: Transaction) -> dict[str, int]:
    """How many incidents are open, by severity; only those there are."""
    counts: dict[str, int] = {}
    for (text,) in tx.execute("SELECT incident FROM incidents WHERE open"):
        severity = from_json(Incident, text).severity
        counts[severity] = counts.get(severity, 0) + 1
    return counts
