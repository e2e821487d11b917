"""The text of an alert: the affected columns, the size of the change, the time, likely causes."""

from ..records import (
    Alert,
    Change,
    ColumnCheck,
    Incident,
    Performance,
    Transition,
    WindowResult,
)

_MAX_COLUMNS = 8
_MAX_CAUSES = 3
_HEADLINES: dict[Change, str] = {
    "opened": "{severity}: {title}",
    "updated": "now {severity}: {title}",
    "resolved": "resolved: {title}",
}


def compose_alerts(
    transition: Transition, result: WindowResult, routes: tuple[str, ...], public_url: str
) -> list[Alert]:
    """Compose the alerts about a transition, one per route; none if it needs no notification.

    The keys are derived from incident, change, window and route, so composing the same transition
    again gives the same keys.
    """
    if not transition.notify:
        return []
    incident, change = transition.incident, transition.change
    text = "\n".join(
        [
            headline(change, incident),
            _period(result),
            *_findings(result),
            *_causes(incident),
            f"{public_url.rstrip('/')}/incidents/{incident.id}",
        ]
    )
    return [
        Alert(
            key=f"{incident.id}-{change}-{transition.window}-{route}",
            route=route,
            change=change,
            incident=incident,
            window=result.window,
            text=text,
        )
        for route in routes
    ]


def headline(change: Change, incident: Incident) -> str:
    """The first line of an alert."""
    return _HEADLINES[change].format(severity=incident.severity, title=incident.title)


def _period(result: WindowResult) -> str:
    window = result.window
    return (
        f"Window {window.number}, {window.start:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M} UTC:"
        f" events {window.first} to {window.last}"
    )


def _findings(result: WindowResult) -> list[str]:
    """One line for each finding."""
    lines = [
        f"- {check.column}: {_effect(check)} (p {check.adjusted_p:.2g})"
        for check in result.flagged_columns[:_MAX_COLUMNS]
    ]
    if (more := len(result.flagged_columns) - _MAX_COLUMNS) > 0:
        lines.append(f"- and {more} more columns")
    lines += [
        f"- {finding.column}: {finding.problem} in {finding.share:.1%} of rows,"
        f" {finding.reference_share:.1%} in the reference"
        for finding in result.quality
        if finding.flagged
    ]
    for name, performance in (("estimated", result.estimated), ("measured", result.realised)):
        if performance is not None and performance.flagged:
            lines.append(f"- {name} {describe_performance(performance)}")
    for check in (result.multivariate, result.concept, result.label_shift):
        if check is not None and check.flagged:
            lines.append(f"- {_TESTS[check.name]} (p {check.adjusted_p:.2g})")
    return lines


def _effect(check: ColumnCheck) -> str:
    if check.kind == "numeric":
        return f"shifted by {check.effect:.2f} standard deviations"
    return f"{check.effect:.1%} of rows changed category"


_TESTS = {
    "mmd": "all columns together differ from the reference",
    "concept": "concept drift: the same inputs now lead to different labels",
    "label-shift": "the distribution of the labels has changed",
}


def describe_performance(performance: Performance) -> str:
    """Describe a performance and compare it with the reference."""
    return (
        f"accuracy {performance.value:.1%}, {performance.reference:.1%} in the reference"
        if performance.metric == "accuracy"
        else f"mean error {performance.value:.3g}, {performance.reference:.3g} in the reference"
    )


def _causes(incident: Incident) -> list[str]:
    if not incident.causes:
        return []
    causes = "; ".join(cause.text for cause in incident.causes[:_MAX_CAUSES])
    return [f"Likely cause: {causes}"]
