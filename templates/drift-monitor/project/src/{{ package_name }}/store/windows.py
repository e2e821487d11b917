"""Windows of events and the results of their checks: which check is next, which are done."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from ..records import Progress, Stage, Window, WindowResult, from_json, to_json
from .db import Database, Row, Transaction


@dataclass(frozen=True)
class Rules:
    """When a window is complete, and when its labels are; see the settings of the same names."""

    window_rows: int
    window_seconds: float
    min_rows: int
    label_share: float
    label_seconds: float


def lock(tx: Transaction) -> None:
    """Lock the windows until the transaction ends, so that processes take turns."""
    tx.execute("UPDATE marks SET value = value WHERE name = 'windows'")


def next_window(tx: Transaction, rules: Rules, now: datetime) -> Window | None:
    """The next window whose inputs are to be checked, if it is complete.

    Windows are consecutive ranges of positions without gaps, so each event is in exactly one.
    """
    done = tx.execute("SELECT coalesce(max(number), 0), coalesce(max(last), 0) FROM windows")
    number, first = int(done[0][0]) + 1, int(done[0][1]) + 1
    last = first + rules.window_rows - 1
    newest = _counter(tx, "events")
    if newest < last:
        if not rules.window_seconds or newest - first + 1 < rules.min_rows:
            return None
        oldest = tx.execute("SELECT received_at FROM events WHERE position = $1", (first,))
        if oldest[0][0] > now - timedelta(seconds=rules.window_seconds):
            return None
        last = newest
    span = tx.execute(
        "SELECT min(happened_at), max(happened_at) FROM events WHERE position BETWEEN $1 AND $2",
        (first, last),
    )
    return Window(number, first, last, span[0][0], span[0][1], last - first + 1, 0)


def next_labelled(tx: Transaction, rules: Rules, now: datetime) -> Window | None:
    """The oldest window whose labels can be checked: enough have arrived, or time is up."""
    rows = tx.execute(
        "SELECT w.number, w.first, w.last, w.started_at, w.ended_at, count(l.id), r.checked_at"
        " FROM windows w JOIN results r ON r.number = w.number AND r.stage = 'inputs'"
        " JOIN events e ON e.position BETWEEN w.first AND w.last LEFT JOIN labels l ON l.id = e.id"
        " WHERE NOT w.labels_done"
        " GROUP BY w.number, w.first, w.last, w.started_at, w.ended_at, r.checked_at"
        " ORDER BY w.number"
    )
    for number, first, last, start, end, labelled, checked_at in rows:
        size = last - first + 1
        waited = rules.label_seconds and checked_at <= now - timedelta(seconds=rules.label_seconds)
        if labelled >= rules.label_share * size or (waited and labelled):
            return Window(number, first, last, start, end, size, labelled)
    return None


def is_due(tx: Transaction, window: Window, stage: Stage) -> bool:
    """Return whether the result of this check has not been recorded yet."""
    if find(tx, window.number, stage):
        return False
    rows = tx.execute("SELECT coalesce(max(last), 0) FROM windows")
    return stage == "labels" or int(rows[0][0]) == window.first - 1


def record(tx: Transaction, result: WindowResult) -> None:
    """Record the result of a check; fails if it has been recorded before."""
    window = result.window
    if result.stage == "inputs":
        tx.execute(
            "INSERT INTO windows VALUES ($1, $2, $3, $4, $5, FALSE)",
            (window.number, window.first, window.last, window.start, window.end),
        )
    else:
        tx.execute("UPDATE windows SET labels_done = TRUE WHERE number = $1", (window.number,))
    tx.execute(
        "INSERT INTO results VALUES ($1, $2, $3, $4, $5, $6)",
        (
            window.number,
            result.stage,
            result.checked_at,
            result.drifted,
            result.severity,
            to_json(result),
        ),
    )


def results(db: Database, limit: int) -> list[WindowResult]:
    """The most recent results, by window and stage, newest last."""
    with db.transaction() as tx:
        rows = tx.execute(
            "SELECT result FROM results ORDER BY number DESC, stage DESC LIMIT $1", (limit,)
        )
    return [from_json(WindowResult, text) for (text,) in reversed(rows)]


def result(db: Database, number: int, stage: Stage) -> WindowResult | None:
    """The result of one check, if it has been run."""
    with db.transaction() as tx:
        return find(tx, number, stage)


def find(tx: Transaction, number: int, stage: Stage) -> WindowResult | None:
    """The same as `result`, inside a transaction."""
    rows = tx.execute(
        "SELECT result FROM results WHERE number = $1 AND stage = $2", (number, stage)
    )
    return from_json(WindowResult, rows[0][0]) if rows else None


def latest(tx: Transaction, stage: Stage) -> WindowResult | None:
    """The most recent result of a stage, if any."""
    rows = tx.execute(
        "SELECT result FROM results WHERE stage = $1 ORDER BY number DESC LIMIT 1", (stage,)
    )
    return from_json(WindowResult, rows[0][0]) if rows else None


def progress(db: Database) -> Progress:
    """The progress of the monitor."""
    with db.transaction() as tx:
        events = _counter(tx, "events")
        labels = _scalar(tx.execute("SELECT count(*) FROM labels"))
        quarantined = _scalar(tx.execute("SELECT count(*) FROM quarantine"))
        windows = _scalar(tx.execute("SELECT count(*) FROM windows"))
        checked = _scalar(tx.execute("SELECT coalesce(max(last), 0) FROM windows"))
    return Progress(events, labels, quarantined, windows, events - checked)


def _counter(tx: Transaction, name: str) -> int:
    return _scalar(tx.execute("SELECT value FROM marks WHERE name = $1", (name,)))


def _scalar(rows: list[Row]) -> int:
    return int(rows[0][0])
