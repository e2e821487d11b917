"""Incidents, not messages: when a drift begins, goes on and ends. No I/O, no clock.

A drift that is there is one incident, however many windows, columns and checks it shows in. It
opens with the first result that drifted and resolves after several clean ones in a row, so a
drift at the edge of what can be seen does not flap.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from .records import SEVERITIES, Change, Incident, Severity, Transition, WindowResult

_NAMED = 3
"""Columns that a title names; the others are counted."""


@dataclass(frozen=True)
class Policy:
    """When an incident ends and who hears of it.

    Attributes:
        resolve_after: So many clean results in a row, of the stage that opened it, end it.
        notify_from: Incidents below this severity are kept and shown, but not told.
        routes: Ways that alerts take; with none, incidents are kept and shown alone.
        public_url: Where people find the dashboard; alerts link to it.
    """

    resolve_after: int = 3
    notify_from: Severity = "warning"
    routes: tuple[str, ...] = ()
    public_url: str = "http://127.0.0.1:8000"

    def __post_init__(self) -> None:
        if self.resolve_after < 1:
            raise ValueError("resolve_after must be at least 1")


def advance(known: Sequence[Incident], result: WindowResult, policy: Policy) -> list[Transition]:
    """What a result changes.

    At most one incident is open at a time. A result that drifted joins it; or, if its window
    lies within a drift that was resolved before its labels came, that one; else it opens a new
    incident. Giving the same result again changes nothing, as long as `known` holds what the
    first time made of it and the caller gives each result once.

    Args:
        known: The open incident, if any, and those lately resolved, in any order.
        result: Of one stage of one window, in the order in which they were checked.
        policy: See there.

    Returns:
        No transition or one.
    """
    current = next((each for each in known if each.resolved_at is None), None)
    if result.drifted:
        past = None if current else _within(known, result)
        if current is None and past is None:
            return [_told("opened", _opened(result), result, policy)]
        before = current or past
        assert before is not None  # noqa: S101 - one of the two is there
        after = _joined(before, result)
        return [_update(before, after, result, policy)]
    if current is None or result.stage != current.stage:
        return []
    after = replace(current, clean=current.clean + 1)
    if after.clean < policy.resolve_after:
        return [Transition("updated", after, result.window.number, notify=False)]
    return [_told("resolved", replace(after, resolved_at=result.checked_at), result, policy)]


def acknowledge(incident: Incident, who: str) -> Incident:
    """Somebody is on it; everyone who looks sees who."""
    return replace(incident, acknowledged_by=who)


def silence(incident: Incident, until: datetime | None) -> Incident:
    """No word of it until then, whatever happens; `None` lifts the silence."""
    return replace(incident, silenced_until=until)


def drifting(result: WindowResult) -> tuple[str, ...]:
    """The columns in which a result shows a drift or bad data, the worst first, each once."""
    names = [check.column for check in result.flagged_columns]
    names += [finding.column for finding in result.quality if finding.flagged]
    return tuple(dict.fromkeys(names))


def worse(one: Severity, other: Severity) -> Severity:
    """The more severe of two."""
    return max(one, other, key=SEVERITIES.index)


def _opened(result: WindowResult) -> Incident:
    window, columns = result.window.number, drifting(result)
    return Incident(
        id=f"{window}-{result.stage}",
        stage=result.stage,
        severity=result.severity,
        title=_title(columns, result),
        opened_at=result.checked_at,
        opened_window=window,
        last_window=window,
        windows=1,
        clean=0,
        columns=columns,
        causes=result.causes,
    )


def _joined(incident: Incident, result: WindowResult) -> Incident:
    """The incident with one more result that drifted; a resolved one stays resolved."""
    columns = tuple(dict.fromkeys((*incident.columns, *drifting(result))))
    number = result.window.number
    return replace(
        incident,
        severity=worse(incident.severity, result.severity),
        title=_title(columns, result) if columns else incident.title,
        last_window=max(incident.last_window, number),
        windows=incident.windows + (number > incident.last_window),
        clean=0,
        columns=columns,
        causes=result.causes or incident.causes,
    )


def _within(known: Iterable[Incident], result: WindowResult) -> Incident | None:
    """The resolved incident whose drift this window was part of: its labels came late."""
    number = result.window.number
    return next((each for each in known if each.opened_window <= number <= each.last_window), None)


def _update(before: Incident, after: Incident, result: WindowResult, policy: Policy) -> Transition:
    """People hear of an open incident again only when it gets worse than they were told."""
    if before.resolved_at is None and after.severity != before.severity:
        return _told("updated", after, result, policy)
    return Transition("updated", after, result.window.number, notify=False)


def _told(change: Change, incident: Incident, result: WindowResult, policy: Policy) -> Transition:
    severe = SEVERITIES.index(incident.severity) >= SEVERITIES.index(policy.notify_from)
    quiet = incident.silenced_until is not None and result.checked_at < incident.silenced_until
    return Transition(change, incident, result.window.number, notify=severe and not quiet)


def _title(columns: Sequence[str], result: WindowResult) -> str:
    if not columns:
        return result.summary
    named = ", ".join(columns[:_NAMED])
    more = len(columns) - _NAMED
    return f"Drift in {named}" + (f" and {more} more" if more > 0 else "")
