"""Incidents in the database: read with what was lately resolved, written with each transition."""

from datetime import datetime

from ..alerts.message import compose
from ..incidents import Policy, advance
from ..records import Incident, Transition, WindowResult, from_json, to_json
from . import outbox
from .db import Transaction

RECENT = 20
"""Resolved incidents that late labels may still belong to."""


def record(tx: Transaction, result: WindowResult, policy: Policy) -> list[Transition]:
    """Draw the consequences of a result: incidents, and alerts to send, in its own transaction.

    Either all of it holds, the result included, or nothing: a crash between seeing a drift and
    telling of it cannot happen.

    Args:
        tx: The one that writes the result.
        result: Not recorded before.
        policy: When incidents end and who hears of them.
    """
    transitions = advance(known(tx), result, policy)
    for transition in transitions:
        save(tx, transition.incident)
        for alert in compose(transition, result, policy.routes, policy.public_url):
            outbox.put(tx, alert, result.checked_at)
    return transitions


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
