"""The life cycle of incidents: when a drift starts, continues and ends. No I/O, no clock.

One drift is one incident, no matter how many windows, columns and checks it affects. The incident
opens with the first drifted result and resolves after several clean ones in a row, so that a
barely detectable drift does not flap.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from .records import SEVERITIES, Change, Incident, Severity, Transition, WindowResult

_MAX_NAMED_COLUMNS = 3
"""Maximum number of columns named in a title; the others are only counted."""


@dataclass(frozen=True)
class IncidentPolicy:
    """When an incident is resolved and who is notified.

    Attributes:
        resolve_after: Consecutive clean results of the opening stage that resolve an incident.
        min_severity: Less severe incidents are stored and shown, but send no alerts.
        routes: Routes for alerts; without any, incidents are only stored and shown.
        public_url: Address of the dashboard, for links in alerts.
    """

    resolve_after: int = 3
    min_severity: Severity = "warning"
    routes: tuple[str, ...] = ()
    public_url: str = "http://127.0.0.1:8000"

    def __post_init__(self) -> None:
        if self.resolve_after < 1:
            raise ValueError("resolve_after must be at least 1")


def advance(
    incidents: Sequence[Incident], result: WindowResult, policy: IncidentPolicy
) -> list[Transition]:
    """Apply a result to the incidents.

    At most one incident is open at a time, and a drifted result joins it. If none is open, but the
    window belongs to an incident that was resolved before the window's labels arrived, the result
    joins that incident. Otherwise, it opens a new one. The caller must pass each result once.

    Args:
        incidents: The open incident, if any, and recently resolved ones, in any order.
        result: One stage of one window; results come in the order of the checks.
        policy: When incidents are resolved and who is notified.

    Returns:
        A list with one transition, or an empty list.
    """
    current = next((each for each in incidents if each.resolved_at is None), None)
    if result.drifted:
        before = current or _resolved_around(incidents, result)
        if before is None:
            return [_transition("opened", _open(result), result, policy)]
        after = _join(before, result)
        return [_update(before, after, result, policy)]
    if current is None or result.stage != current.stage:
        return []
    after = replace(current, clean=current.clean + 1)
    if after.clean < policy.resolve_after:
        return [Transition("updated", after, result.window.number, notify=False)]
    return [_transition("resolved", replace(after, resolved_at=result.checked_at), result, policy)]


def acknowledge(incident: Incident, who: str) -> Incident:
    """Record who is working on an incident."""
    return replace(incident, acknowledged_by=who)


def silence(incident: Incident, until: datetime | None) -> Incident:
    """Send no alerts about an incident until then; `None` ends the silence."""
    return replace(incident, silenced_until=until)


def drifting_columns(result: WindowResult) -> tuple[str, ...]:
    """The columns with drift or quality problems, without duplicates, largest effect first."""
    names = [check.column for check in result.flagged_columns]
    names += [finding.column for finding in result.quality if finding.flagged]
    return tuple(dict.fromkeys(names))


def more_severe(one: Severity, other: Severity) -> Severity:
    """The more severe of two."""
    return max(one, other, key=SEVERITIES.index)


def _open(result: WindowResult) -> Incident:
    window, columns = result.window.number, drifting_columns(result)
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


def _join(incident: Incident, result: WindowResult) -> Incident:
    """Add a drifted result to an incident; a resolved incident stays resolved."""
    columns = tuple(dict.fromkeys((*incident.columns, *drifting_columns(result))))
    number = result.window.number
    return replace(
        incident,
        severity=more_severe(incident.severity, result.severity),
        title=_title(columns, result) if columns else incident.title,
        last_window=max(incident.last_window, number),
        windows=incident.windows + (number > incident.last_window),
        clean=0,
        columns=columns,
        causes=result.causes or incident.causes,
    )


def _resolved_around(incidents: Iterable[Incident], result: WindowResult) -> Incident | None:
    """The resolved incident that includes this window, for labels that arrive late."""
    number = result.window.number
    return next(
        (each for each in incidents if each.opened_window <= number <= each.last_window), None
    )


def _update(
    before: Incident, after: Incident, result: WindowResult, policy: IncidentPolicy
) -> Transition:
    """Update an incident; notify again only if it is open and has become more severe."""
    if before.resolved_at is None and after.severity != before.severity:
        return _transition("updated", after, result, policy)
    return Transition("updated", after, result.window.number, notify=False)


def _transition(
    change: Change, incident: Incident, result: WindowResult, policy: IncidentPolicy
) -> Transition:
    severe = SEVERITIES.index(incident.severity) >= SEVERITIES.index(policy.min_severity)
    silenced = incident.silenced_until is not None and result.checked_at < incident.silenced_until
    return Transition(change, incident, result.window.number, notify=severe and not silenced)


def _title(columns: Sequence[str], result: WindowResult) -> str:
    if not columns:
        return result.summary
    named = ", ".join(columns[:_MAX_NAMED_COLUMNS])
    more = len(columns) - _MAX_NAMED_COLUMNS
    return f"Drift in {named}" + (f" and {more} more" if more > 0 else "")
