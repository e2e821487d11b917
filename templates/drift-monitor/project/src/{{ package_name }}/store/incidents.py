"""Incidents in the database: read with what was lately resolved, written with each transition."""

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
    lock(tx)
    transitions = advance(known(tx), result, policy)
    for transition in transitions:
        save(tx, transition.incident)
        for alert in compose(transition, result, policy.routes, policy.public_url):
            outbox.put(tx, alert, result.checked_at)
    return transitions


def lock(tx: Transaction) -> None:
    """Have all who change incidents take turns: who reads one to change it must hold this."""
    tx.execute("UPDATE marks SET value = value + 1 WHERE name = 'incidents'")


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


def latest(tx: Transaction, limit: int) -> list[Incident]:
    """The newest incidents, open or not, the newest first."""
    rows = tx.execute("SELECT incident FROM incidents ORDER BY number DESC LIMIT $1", (limit,))
    return [from_json(Incident, text) for (text,) in rows]


def open_ones(tx: Transaction) -> list[Incident]:
    """The open incidents."""
    rows = tx.execute("SELECT incident FROM incidents WHERE open ORDER BY number")
    return [from_json(Incident, text) for (text,) in rows]
