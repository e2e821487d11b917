"""Charts as plain SVG, without scripts or libraries.

The drawing is stretched to the width of the page, so it contains no text: labels are HTML next to
it and stay legible on a phone. Colours come from the style sheet, through CSS classes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ..records import Histogram

_WIDTH = 1000.0
_HEIGHT = 200.0


@dataclass(frozen=True)
class Bar:
    """One bar: its height (in any unit), its CSS class, its tooltip and its link."""

    value: float
    css: str
    title: str
    href: str


@dataclass(frozen=True)
class Point:
    """A value at a position on the x axis, with its confidence interval."""

    x: float
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Series:
    """A line with a confidence band."""

    css: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Chart:
    """A drawing and its labels: the range of the y axis and both ends of the x axis."""

    svg: Markup
    top: str
    bottom: str
    left: str
    right: str


def bars(items: Sequence[Bar], left: str, right: str) -> Chart:
    """Draw bars from zero, each one a link."""
    highest = max([1e-9, *(item.value for item in items)])
    step = _WIDTH / max(len(items), 1)
    parts = [
        Markup('<a href="{}"><title>{}</title>{}{}</a>').format(
            item.href,
            item.title,
            _rect("hit", index * step, 0, step, _HEIGHT),
            _rect(
                item.css,
                index * step + step * 0.15,
                _HEIGHT - (height := max(item.value / highest * _HEIGHT, 4)),
                step * 0.7,
                height,
            ),
        )
        for index, item in enumerate(items)
    ]
    return Chart(_svg(parts), f"{highest:.3g}", "0", left, right)


def lines(  # noqa: PLR0913 - keyword-only, except the series
    series: Sequence[Series],
    *,
    first: float,
    last: float,
    levels: Sequence[tuple[str, float]],
    left: str,
    right: str,
) -> Chart:
    """Draw lines with confidence bands, and horizontal lines at fixed levels.

    Args:
        series: The lines; positions without a point are skipped.
        first: Start of the x axis.
        last: End of the x axis.
        levels: CSS class and value of each horizontal line.
        left: Label at the start of the x axis.
        right: Label at the end of the x axis.
    """
    shown = [point for one in series for point in one.points]
    values = [value for point in shown for value in (point.low, point.high)]
    values += [value for _, value in levels]
    low, high = _range(values)
    scale = _Scale(first, last, low, high)
    parts = [_level(css, scale.y(value)) for css, value in levels]
    for one in series:
        if one.points:
            parts += [_band(one, scale), _line(one, scale)]
    return Chart(_svg(parts), f"{high:.3g}", f"{low:.3g}", left, right)


def sparkline(values: Sequence[float], flagged: Sequence[bool]) -> Markup:
    """Draw a row of small bars without axes."""
    highest = max([*values, 1e-9])
    step = _WIDTH / max(len(values), 1)
    parts = []
    for index, (value, flag) in enumerate(zip(values, flagged, strict=True)):
        height = max(value / highest * _HEIGHT, 6)
        css = "flagged" if flag else "calm"
        parts.append(_rect(css, index * step + step * 0.1, _HEIGHT - height, step * 0.8, height))
    return _svg(parts)


def comparison(histogram: Histogram) -> Chart:
    """Draw the distribution of a column in the reference and in a window, side by side."""
    pairs = list(zip(histogram.reference, histogram.current, strict=True))
    highest = max([1e-9, *(share for pair in pairs for share in pair)])
    step = _WIDTH / max(len(pairs), 1)
    parts = []
    for index, (label, pair) in enumerate(zip(histogram.labels, pairs, strict=True)):
        title = Markup("<title>{}: reference {:.1%}, window {:.1%}</title>").format(label, *pair)
        parts.append(Markup("<g>") + title + _rect("hit", index * step, 0, step, _HEIGHT))
        for side, (css, share) in enumerate(zip(("before", "now"), pair, strict=True)):
            height = share / highest * _HEIGHT
            left = index * step + step * (0.1 + 0.4 * side)
            parts.append(_rect(css, left, _HEIGHT - height, step * 0.4, height))
        parts.append(Markup("</g>"))
    return Chart(_svg(parts), f"{highest:.0%}", "0 %", *_ends(histogram))


def _ends(histogram: Histogram) -> tuple[str, str]:
    if histogram.edges:
        return f"{histogram.edges[0]:.4g}", f"{histogram.edges[-1]:.4g}"
    labels = histogram.labels or ("",)
    return labels[0], labels[-1] if len(labels) > 1 else ""


@dataclass(frozen=True)
class _Scale:
    first: float
    last: float
    low: float
    high: float

    def x(self, value: float) -> float:
        span = self.last - self.first
        return (value - self.first) / span * _WIDTH if span else _WIDTH / 2

    def y(self, value: float) -> float:
        return _HEIGHT * (1 - (value - self.low) / (self.high - self.low))


def _range(values: Sequence[float]) -> tuple[float, float]:
    """The range of an axis that shows all values, with a margin."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    margin = (high - low) * 0.1 or abs(high) * 0.1 or 1.0
    return low - margin, high + margin


def _svg(parts: Iterable[Markup]) -> Markup:
    return Markup(
        '<svg viewBox="0 0 {:g} {:g}" preserveAspectRatio="none" aria-hidden="true">{}</svg>'
    ).format(_WIDTH, _HEIGHT, Markup("").join(parts))


def _rect(css: str, x: float, y: float, width: float, height: float) -> Markup:
    return Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
        css, x, y, width, height
    )


def _level(css: str, y: float) -> Markup:
    return Markup('<path class="{}" d="M0 {:.1f}H{:g}"/>').format(css, y, _WIDTH)


def _line(series: Series, scale: _Scale) -> Markup:
    # A single point would be invisible, so each line starts with a zero-length stroke, which the
    # round line caps turn into a dot.
    path = "".join(
        f"{'L' if index else 'M'}{scale.x(point.x):.1f} {scale.y(point.value):.1f}"
        + ("" if index else "h0")
        for index, point in enumerate(series.points)
    )
    return Markup('<path class="line {}" d="{}"/>').format(series.css, path)


def _band(series: Series, scale: _Scale) -> Markup:
    upper = [f"{scale.x(point.x):.1f} {scale.y(point.high):.1f}" for point in series.points]
    lower = [f"{scale.x(point.x):.1f} {scale.y(point.low):.1f}" for point in series.points[::-1]]
    return Markup('<path class="band {}" d="M{}Z"/>').format(series.css, "L".join(upper + lower))
