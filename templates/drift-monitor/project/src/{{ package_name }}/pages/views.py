"""Prepares records for the pages, without access to requests or the database."""

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
    "label-shift": "Distribution of the labels",
}


@dataclass(frozen=True)
class CheckedWindow:
    """A window with the results of its checks, as far as they exist."""

    window: Window
    inputs: WindowResult | None
    labels: WindowResult | None

    @property
    def results(self) -> tuple[WindowResult, ...]:
        """The results that exist."""
        return tuple(one for one in (self.inputs, self.labels) if one is not None)

    @property
    def causes(self) -> tuple[Cause, ...]:
        """The likely causes from all results, without duplicates."""
        found = (cause for one in self.results for cause in one.causes)
        return tuple({(cause.column, cause.segment): cause for cause in found}.values())

    @property
    def css(self) -> str:
        """The CSS class for the severity."""
        severities = [one.severity for one in self.results if one.drifted]
        return "critical" if "critical" in severities else "warning" if severities else "calm"


@dataclass(frozen=True)
class ColumnRow:
    """A row of the column table: the latest check and the history."""

    check: ColumnCheck
    window: int
    history: Markup
    drifted: int


def by_window(results: Sequence[WindowResult], limit: int) -> list[CheckedWindow]:
    """Group results by window; return the latest windows, newest last."""
    grouped: dict[int, dict[str, WindowResult]] = {}
    for result in results:
        grouped.setdefault(result.window.number, {})[result.stage] = result
    return [
        CheckedWindow(
            next(iter(stages.values())).window, stages.get("inputs"), stages.get("labels")
        )
        for _, stages in sorted(grouped.items())[-limit:]
    ]


def drift_chart(checked: Sequence[CheckedWindow]) -> charts.Chart | None:
    """The number of drifted columns in each window, as bars."""
    if not checked:
        return None
    bars = [
        charts.Bar(
            value=float(_count_drifted(each)),
            css=each.css,
            title=f"Window {each.window.number}: "
            + " ".join(result.summary for result in each.results),
            href=f"/windows/{each.window.number}",
        )
        for each in checked
    ]
    return charts.bars(bars, *_span(checked))


def _count_drifted(checked: CheckedWindow) -> int:
    """The number of drifted columns; drift that affects no single column counts as one."""
    columns = {check.column for one in checked.results for check in one.flagged_columns}
    columns |= {each.column for one in checked.results for each in one.quality if each.flagged}
    return max(len(columns), int(any(one.drifted for one in checked.results)))


def performance_chart(checked: Sequence[CheckedWindow]) -> charts.Chart | None:
    """Performance over time: estimated for each window, measured where labels are known."""
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


def latest_performance(checked: Sequence[CheckedWindow]) -> Performance | None:
    """The latest performance; within a window, a measured value takes precedence."""
    for each in reversed(checked):
        if each.labels is not None and each.labels.realised is not None:
            return each.labels.realised
        if each.inputs is not None and each.inputs.estimated is not None:
            return each.inputs.estimated
    return None


def warnings(checked: Sequence[CheckedWindow]) -> tuple[str, ...]:
    """The warnings about the latest estimate."""
    inputs = next((each.inputs for each in reversed(checked) if each.inputs), None)
    return inputs.estimated.warnings if inputs and inputs.estimated else ()


def column_rows(checked: Sequence[CheckedWindow]) -> list[ColumnRow]:
    """The columns, currently drifted ones first, then by size of the change."""
    histories: dict[str, list[tuple[int, ColumnCheck]]] = {}
    for each in checked:
        for check in each.inputs.columns if each.inputs else ():
            histories.setdefault(check.column, []).append((each.window.number, check))
    rows = [_row(history) for history in histories.values()]
    return sorted(rows, key=lambda row: (not row.check.flagged, -row.check.effect))


def _row(history: Sequence[tuple[int, ColumnCheck]]) -> ColumnRow:
    checks = [check for _, check in history]
    flags = [check.flagged for check in checks]
    sparkline = charts.sparkline([check.effect for check in checks], flags)
    return ColumnRow(checks[-1], history[-1][0], sparkline, sum(flags))


def column_chart(checked: Sequence[CheckedWindow], name: str) -> charts.Chart | None:
    """The distance of one column from the reference in each window, as bars."""
    bars = [
        charts.Bar(
            value=check.effect,
            css="critical" if check.flagged else "calm",
            title=f"Window {each.window.number}: shifted by {format_effect(check)}",
            href=f"?window={each.window.number}",
        )
        for each in checked
        if each.inputs and (check := column_check(each.inputs, name)) is not None
    ]
    return charts.bars(bars, *_span(checked)) if bars else None


def column_check(result: WindowResult, name: str) -> ColumnCheck | None:
    """The check of a column in a window, if the window has the column."""
    return next((check for check in result.columns if check.column == name), None)


def format_effect(check: ColumnCheck) -> str:
    """Format the size of a change."""
    if check.kind == "numeric":
        return f"{check.effect:.2f} sd"
    return f"{check.effect:.1%} of rows"


def exceeded(statistic: Statistic) -> bool:
    """Return whether a statistic is above its threshold."""
    return statistic.value > statistic.threshold


def format_performance(performance: Performance) -> str:
    """Format a performance with its metric."""
    if performance.metric == "accuracy":
        return f"{performance.value:.1%} accuracy"
    return f"{performance.value:.3g} mean error"


def _points(
    checked: Sequence[CheckedWindow], values: Sequence[Performance | None]
) -> tuple[charts.Point, ...]:
    return tuple(
        charts.Point(each.window.number, value.value, value.low, value.high)
        for each, value in zip(checked, values, strict=True)
        if value is not None
    )


def _span(checked: Sequence[CheckedWindow]) -> tuple[str, str]:
    """The labels for both ends of a time axis."""
    first, last = checked[0].window, checked[-1].window
    return (
        f"window {first.number}",
        f"window {last.number} · {last.end:%Y-%m-%d %H:%M} UTC",
    )
