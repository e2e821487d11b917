"""What the pages show, made from records: no request, no database, no HTML but the charts."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ..records import Cause, ColumnCheck, Performance, Statistic, Window, WindowResult
from . import charts

STATISTICS = {
    "ks": "Kolmogorov-Smirnov",
    "chi2": "chi-square",
    "psi": "PSI",
    "wasserstein": "Wasserstein",
    "js": "Jensen-Shannon",
}
CHECKS = {
    "mmd": "All columns together (MMD)",
    "concept": "Labels given the inputs (concept drift)",
    "label-shift": "Mix of the true labels",
}


@dataclass(frozen=True)
class Checked:
    """A window with what its checks found; each comes in its own time."""

    window: Window
    inputs: WindowResult | None
    labels: WindowResult | None

    @property
    def results(self) -> tuple[WindowResult, ...]:
        """Those that are there."""
        return tuple(one for one in (self.inputs, self.labels) if one is not None)

    @property
    def causes(self) -> tuple[Cause, ...]:
        """What is likely behind it; each cause once."""
        found = (cause for one in self.results for cause in one.causes)
        return tuple({(cause.column, cause.segment): cause for cause in found}.values())

    @property
    def css(self) -> str:
        """How bad it is."""
        severities = [one.severity for one in self.results if one.drifted]
        return "critical" if "critical" in severities else "warning" if severities else "calm"


@dataclass(frozen=True)
class ColumnRow:
    """A column on the dashboard: how it is now, and how it was."""

    check: ColumnCheck
    window: int
    history: Markup
    drifted: int


def by_window(results: Sequence[WindowResult], most: int) -> list[Checked]:
    """Put the results of each window together: the latest windows, the newest last."""
    found: dict[int, dict[str, WindowResult]] = {}
    for result in results:
        found.setdefault(result.window.number, {})[result.stage] = result
    return [
        Checked(next(iter(stages.values())).window, stages.get("inputs"), stages.get("labels"))
        for _, stages in sorted(found.items())[-most:]
    ]


def drift_chart(checked: Sequence[Checked]) -> charts.Chart | None:
    """A bar for each window: in how many columns it drifted."""
    if not checked:
        return None
    bars = [
        charts.Bar(
            value=float(_found(each)),
            css=each.css,
            title=f"Window {each.window.number}: "
            + " ".join(result.summary for result in each.results),
            href=f"/windows/{each.window.number}",
        )
        for each in checked
    ]
    return charts.bars(bars, *_span(checked))


def _found(checked: Checked) -> int:
    """Columns that drifted; a drift in none of them alone, say of performance, counts as one."""
    columns = {check.column for one in checked.results for check in one.flagged_columns}
    columns |= {bad.column for one in checked.results for bad in one.quality if bad.flagged}
    return max(len(columns), int(any(one.drifted for one in checked.results)))


def performance_chart(checked: Sequence[Checked]) -> charts.Chart | None:
    """Performance over time: estimated for each window, realised where labels have come."""
    estimated = _points(checked, [one.inputs.estimated if one.inputs else None for one in checked])
    realised = _points(checked, [one.labels.realised if one.labels else None for one in checked])
    last = latest_performance(checked)
    if last is None:
        return None
    left, right = _span(checked)
    return charts.lines(
        [charts.Series("estimated", estimated), charts.Series("realised", realised)],
        first=checked[0].window.number,
        last=checked[-1].window.number,
        levels=[("reference", last.reference), ("threshold", last.threshold)],
        left=left,
        right=right,
    )


def latest_performance(checked: Sequence[Checked]) -> Performance | None:
    """The newest measure there is, a realised one before an estimate of the same window."""
    for each in reversed(checked):
        if each.labels is not None and each.labels.realised is not None:
            return each.labels.realised
        if each.inputs is not None and each.inputs.estimated is not None:
            return each.inputs.estimated
    return None


def warnings(checked: Sequence[Checked]) -> tuple[str, ...]:
    """Why the newest estimate should not be trusted, if so."""
    inputs = next((each.inputs for each in reversed(checked) if each.inputs), None)
    return inputs.estimated.warnings if inputs and inputs.estimated else ()


def column_rows(checked: Sequence[Checked]) -> list[ColumnRow]:
    """The columns, those that drifted now first, then by the size of the change."""
    histories: dict[str, list[tuple[int, ColumnCheck]]] = {}
    for each in checked:
        for check in each.inputs.columns if each.inputs else ():
            histories.setdefault(check.column, []).append((each.window.number, check))
    rows = [_row(history) for history in histories.values()]
    return sorted(rows, key=lambda row: (not row.check.flagged, -row.check.effect))


def _row(history: Sequence[tuple[int, ColumnCheck]]) -> ColumnRow:
    checks = [check for _, check in history]
    flags = [check.flagged for check in checks]
    spark = charts.spark([check.effect for check in checks], flags)
    return ColumnRow(checks[-1], history[-1][0], spark, sum(flags))


def column_chart(checked: Sequence[Checked], name: str) -> charts.Chart | None:
    """How far one column was from the reference, window by window."""
    bars = [
        charts.Bar(
            value=check.effect,
            css="critical" if check.flagged else "calm",
            title=f"Window {each.window.number}: moved by {amount(check)}",
            href=f"?window={each.window.number}",
        )
        for each in checked
        if each.inputs and (check := column_check(each.inputs, name)) is not None
    ]
    return charts.bars(bars, *_span(checked)) if bars else None


def column_check(result: WindowResult, name: str) -> ColumnCheck | None:
    """What happened to that column in a window, if it has it."""
    return next((check for check in result.columns if check.column == name), None)


def amount(check: ColumnCheck) -> str:
    """The size of a change in words."""
    if check.kind == "numeric":
        return f"{check.effect:.2f} sd"
    return f"{check.effect:.1%} of rows"


def exceeded(statistic: Statistic) -> bool:
    """Whether a statistic is above what an unchanged window would show."""
    return statistic.value > statistic.threshold


def shown(performance: Performance) -> str:
    """A measure of performance as people read it."""
    if performance.metric == "accuracy":
        return f"{performance.value:.1%} right"
    return f"{performance.value:.3g} mean error"


def _points(
    checked: Sequence[Checked], measures: Sequence[Performance | None]
) -> tuple[charts.Point, ...]:
    return tuple(
        charts.Point(each.window.number, measure.value, measure.low, measure.high)
        for each, measure in zip(checked, measures, strict=True)
        if measure is not None
    )


def _span(checked: Sequence[Checked]) -> tuple[str, str]:
    """The ends of a time axis."""
    first, last = checked[0].window, checked[-1].window
    return (
        f"window {first.number}",
        f"window {last.number} · {last.end:%Y-%m-%d %H:%M} UTC",
    )
