"""What an alert says: which columns, how much, when, and what is likely behind it."""

from ..records import Alert, Change, Incident, Performance, Transition, WindowResult

_COLUMNS = 8
_CAUSES = 3
_HEADLINES: dict[Change, str] = {
    "opened": "{severity}: {title}",
    "updated": "now {severity}: {title}",
    "resolved": "resolved: {title}",
}


def compose(
    transition: Transition, result: WindowResult, routes: tuple[str, ...], public_url: str
) -> list[Alert]:
    """The alerts that tell of a transition, one for each route; none if it needs no telling.

    Their keys follow from incident, change and window: the same transition has the same keys.
    """
    if not transition.notify:
        return []
    incident, change = transition.incident, transition.change
    text = "\n".join(
        [
            headline(change, incident),
            _when(result),
            *_what(result),
            *_why(incident),
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


def _when(result: WindowResult) -> str:
    window = result.window
    return (
        f"Window {window.number}, {window.start:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M} UTC:"
        f" events {window.first} to {window.last}"
    )


def _what(result: WindowResult) -> list[str]:
    """A line for each thing that was found."""
    lines = [
        f"- {check.column}: moved by {check.effect:.2f} "
        + ("standard deviations" if check.kind == "numeric" else "of its rows")
        + f" (p {check.adjusted_p:.2g})"
        for check in result.flagged_columns[:_COLUMNS]
    ]
    if (more := len(result.flagged_columns) - _COLUMNS) > 0:
        lines.append(f"- and {more} more columns")
    lines += [
        f"- {finding.column}: {finding.problem} in {finding.share:.1%} of rows,"
        f" {finding.reference_share:.1%} in the reference"
        for finding in result.quality
        if finding.flagged
    ]
    for name, performance in (("estimated", result.estimated), ("realised", result.realised)):
        if performance is not None and performance.flagged:
            lines.append(f"- {name} {describe(performance)}")
    for check in (result.multivariate, result.concept, result.label_shift):
        if check is not None and check.flagged:
            lines.append(f"- {_TESTS[check.name]} (p {check.adjusted_p:.2g})")
    return lines


_TESTS = {
    "mmd": "the columns together differ from the reference",
    "concept": "the same inputs get other labels than before",
    "label-shift": "the mix of true labels has changed",
}


def describe(performance: Performance) -> str:
    """A measure of performance in words, with the reference's."""
    return (
        f"accuracy {performance.value:.1%}, {performance.reference:.1%} in the reference"
        if performance.metric == "accuracy"
        else f"mean error {performance.value:.3g}, {performance.reference:.3g} in the reference"
    )


def _why(incident: Incident) -> list[str]:
    if not incident.causes:
        return []
    causes = "; ".join(cause.text for cause in incident.causes[:_CAUSES])
    return [f"Likely cause: {causes}"]
