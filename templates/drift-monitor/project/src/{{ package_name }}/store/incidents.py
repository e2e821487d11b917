"""Stores incidents, together with the alerts about their transitions."""

from ..alerts.text import compose_alerts
from ..incidents import IncidentPolicy, advance
from ..records import Incident, Transition, WindowResult, from_json, to_json
from . import outbox
from .db import Transaction

RECENT = 20
"""Number of resolved incidents that late labels can still join."""


def record(tx: Transaction, result: WindowResult, policy: IncidentPolicy) -> list[Transition]:
    """Update the incidents for a result and enqueue alerts, in the transaction of the result.

    All of it is committed together or not at all, so a crash can't separate a drift from its alert.

    Args:
        tx: The transaction that writes the result.
        result: A result that was not recorded before.
        policy: When incidents are resolved and who is notified.
    """
    lock(tx)
    transitions = advance(open_and_recent(tx), result, policy)
    for transition in transitions:
        save(tx, transition.incident)
        for alert in compose_alerts(transition, result, policy.routes, policy.public_url):
            outbox.enqueue(tx, alert, result.checked_at)
    return transitions


def lock(tx: Transaction) -> None:
    """Lock the incidents until the transaction ends; required before a read-modify-write."""
    tx.execute("UPDATE marks SET value = value + 1 WHERE name = 'incidents'")


def open_and_recent(tx: Transaction) -> list[Incident]:
    """The open incidents and the most recent resolved ones."""
    rows = tx.execute(
        "SELECT incident FROM incidents WHERE open OR number IN ("
        "SELECT number FROM incidents WHERE NOT open ORDER BY number DESC LIMIT $1)"
        " ORDER BY number",
        (RECENT,),
    )
    return [from_json(Incident, text) for (text,) in rows]


def save(tx: Transaction, incident: Incident) -> None:
    """Insert or update an incident."""
    tx.execute(
        "INSERT INTO incidents (id, number, open, opened_at, incident) VALUES ("
        "$1, (SELECT COALESCE(MAX(number), 0) + 1 FROM incidents), $2, $3, $4)"
        " ON CONFLICT (id) DO UPDATE SET open = excluded.open, incident = excluded.incident",
        (incident.id, incident.resolved_at is None, incident.opened_at, to_json(incident)),
    )


def find(tx: Transaction, incident_id: str) -> Incident | None:
    """The incident with this id, if there is one."""
    rows = tx.execute("SELECT incident FROM incidents WHERE id = $1", (incident_id,))
    return from_json(Incident, rows[0][0]) if rows else None


def latest(tx: Transaction, limit: int) -> list[Incident]:
    """The newest incidents, open or resolved, newest first."""
    rows = tx.execute("SELECT incident FROM incidents ORDER BY number DESC LIMIT $1", (limit,))
    return [from_json(Incident, text) for (text,) in rows]


def open_incidents(tx: Transaction) -> list[Incident]:
    """The open incidents."""
    rows = tx.execute("SELECT incident FROM incidents WHERE open ORDER BY number")
    return [from_json(Incident, text) for (text,) in rows]
