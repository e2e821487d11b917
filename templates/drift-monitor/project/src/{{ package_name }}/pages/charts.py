"""Charts as SVG, drawn here: no script, no library, crisp at any size and in any colour scheme.

The drawing is stretched to the width of the page, so it holds no text: words beside it are HTML
and stay legible on a phone. Colours come from the style sheet, by class.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ..records import Histogram

_WIDTH = 1000.0
_HEIGHT = 200.0


@dataclass(frozen=True)
class Bar:
    """One bar: how high (any unit), what it says when pointed at, where a click leads."""

    value: float
    css: str
    title: str
    href: str


@dataclass(frozen=True)
class Point:
    """A value at a place on the x axis, and the interval that encloses it."""

    x: float
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Series:
    """A line with the band around it."""

    css: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Chart:
    """A drawing and the words around it: the range of its y axis, the ends of its x axis."""

    svg: Markup
    top: str
    bottom: str
    left: str
    right: str


def bars(items: Sequence[Bar], left: str, right: str) -> Chart:
    """Bars from zero, side by side, each a link."""
    most = max([1e-9, *(item.value for item in items)])
    step = _WIDTH / max(len(items), 1)
    parts = [
        Markup('<a href="{}"><title>{}</title>{}{}</a>').format(
            item.href,
            item.title,
            _rect("hit", index * step, 0, step, _HEIGHT),
            _rect(
                item.css,
                index * step + step * 0.15,
                _HEIGHT - (height := max(item.value / most * _HEIGHT, 4)),
                step * 0.7,
                height,
            ),
        )
        for index, item in enumerate(items)
    ]
    return Chart(_svg(parts), f"{most:.3g}", "0", left, right)


def lines(  # noqa: PLR0913 - a chart has that many parts
    series: Sequence[Series],
    *,
    first: float,
    last: float,
    levels: Sequence[tuple[str, float]],
    left: str,
    right: str,
) -> Chart:
    """Lines with bands, from `first` to `last` on the x axis, and level lines across.

    Args:
        series: What to draw; may have gaps where an x has no point.
        first: Of the x axis.
        last: Of the x axis.
        levels: CSS class and value of each level line.
        left: What stands below the beginning.
        right: What stands below the end.
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


def spark(values: Sequence[float], flagged: Sequence[bool]) -> Markup:
    """A row of small bars without axes."""
    most = max([*values, 1e-9])
    step = _WIDTH / max(len(values), 1)
    parts = []
    for index, (value, flag) in enumerate(zip(values, flagged, strict=True)):
        height = max(value / most * _HEIGHT, 6)
        css = "bad" if flag else "calm"
        parts.append(_rect(css, index * step + step * 0.1, _HEIGHT - height, step * 0.8, height))
    return _svg(parts)


def then_and_now(histogram: Histogram) -> Chart:
    """The shares of a column's values in the reference and in a window, side by side."""
    pairs = list(zip(histogram.reference, histogram.current, strict=True))
    most = max([1e-9, *(share for pair in pairs for share in pair)])
    step = _WIDTH / max(len(pairs), 1)
    parts = []
    for index, (label, pair) in enumerate(zip(histogram.labels, pairs, strict=True)):
        title = Markup("<title>{}: {:.1%} then, {:.1%} now</title>").format(label, *pair)
        parts.append(Markup("<g>") + title + _rect("hit", index * step, 0, step, _HEIGHT))
        for place, (css, share) in enumerate(zip(("then", "now"), pair, strict=True)):
            height = share / most * _HEIGHT
            left = index * step + step * (0.1 + 0.4 * place)
            parts.append(_rect(css, left, _HEIGHT - height, step * 0.4, height))
        parts.append(Markup("</g>"))
    return Chart(_svg(parts), f"{most:.0%}", "0 %", *_ends(histogram))


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
    """The range of an axis that shows all values with some air."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    air = (high - low) * 0.1 or abs(high) * 0.1 or 1.0
    return low - air, high + air


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
    # A point on its own would not show, so each begins with a stroke of no length and round ends.
    path = "".join(
        f"{'L' if index else 'M'}{scale.x(point.x):.1f} {scale.y(point.value):.1f}"
        + ("" if index else "h0")
        for index, point in enumerate(series.points)
    )
    return Markup('<path class="line {}" d="{}"/>').format(series.css, path)


def _band(series: Series, scale: _Scale) -> Markup:
    there = [f"{scale.x(point.x):.1f} {scale.y(point.high):.1f}" for point in series.points]
    back = [f"{scale.x(point.x):.1f} {scale.y(point.low):.1f}" for point in series.points[::-1]]
    return Markup('<path class="band {}" d="M{}Z"/>').format(series.css, "L".join(there + back))
