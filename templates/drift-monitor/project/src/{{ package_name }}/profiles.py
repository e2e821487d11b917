"""What is normal for one column, as its reference shows it, and how far a window is from that."""

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .frame import Floats, Texts
from .records import Column, Histogram, StatisticName
from .stats import numeric, shares

BINS = 10
"""Bins of PSI and Jensen-Shannon, each with about the same share of the reference."""
BARS = 20
USUAL = 0.9
"""A value that at least so many rows have is the usual one."""
CATEGORIES = 30
"""More categories than these are counted together."""
OTHER = "(other)"
MIN_EXPECTED = 5
"""Chi-square: categories with fewer rows expected are counted together (Cochran, 1954)."""


@dataclass(frozen=True)
class Profile:
    """The reference of one column.

    `groups` are the bins of a numeric column, or the categories (the last one takes the rest);
    `counts` says how many reference rows each has, shape (groups,).
    """

    column: Column
    rows: int
    missing: int
    groups: tuple[str, ...]
    counts: NDArray[np.int64]
    edges: Floats
    """Numeric: inner edges of the bins. Shape (groups - 1,)."""
    low: float
    high: float
    spread: float
    """Numeric: standard deviation; 1 if nothing varies."""
    bars: Floats
    """Numeric: edges of the histogram that people see."""
    bar_counts: NDArray[np.int64]
    usual: float | None
    """Numeric: the value that nearly all rows have, if there is one."""
    usual_rows: int
    known: frozenset[str]
    """Categorical: every category that was seen."""
    once: int
    """Categorical: how many of them were seen once, which tells how many are still unseen."""

    def group_of(self, values: Floats | Texts) -> NDArray[np.int64]:
        """Which group each value belongs to; -1 for missing ones. Shape (rows,)."""
        if self.column.kind == "numeric":
            return numeric.bin_of(values.astype(np.float64, copy=False), self.edges)
        index = {name: at for at, name in enumerate(self.groups)}
        rest = len(self.groups) - 1
        found = [-1 if value is None else index.get(value, rest) for value in values.tolist()]
        return np.asarray(found, dtype=np.int64)


def profile_numbers(column: Column, ordered: Floats, rows: int) -> Profile:
    """The profile of a numeric column, from its sorted values without NaN."""
    edges = numeric.quantile_edges(ordered, BINS)
    low, high = (float(ordered[0]), float(ordered[-1])) if len(ordered) else (0.0, 0.0)
    spread = float(np.std(ordered)) if len(ordered) else 0.0
    bars = _bars(ordered)
    usual = float(ordered[len(ordered) // 2]) if len(ordered) else 0.0
    usual_rows = _equal(ordered, usual)
    return Profile(
        column=column,
        rows=rows,
        missing=rows - len(ordered),
        groups=_spans(edges),
        counts=numeric.bin_counts(ordered, edges),
        edges=edges,
        low=low,
        high=high,
        spread=spread or 1.0,
        bars=bars,
        bar_counts=_bar_counts(ordered, bars),
        usual=usual if usual_rows > USUAL * len(ordered) else None,
        usual_rows=usual_rows,
        known=frozenset(),
        once=0,
    )


def profile_texts(column: Column, values: Texts) -> Profile:
    """The profile of a categorical column."""
    counted = Counter(values.tolist())
    missing = counted.pop(None, 0)
    common = counted.most_common(CATEGORIES)
    counts = [count for _, count in common]
    counts.append(len(values) - missing - sum(counts))
    return Profile(
        column=column,
        rows=len(values),
        missing=missing,
        groups=(*(str(name) for name, _ in common), OTHER),
        counts=np.asarray(counts, dtype=np.int64),
        edges=np.empty(0),
        low=0,
        high=0,
        spread=1,
        bars=np.empty(0),
        bar_counts=np.empty(0, dtype=np.int64),
        usual=None,
        usual_rows=0,
        known=frozenset(str(name) for name in counted),
        once=sum(1 for count in counted.values() if count == 1),
    )


@dataclass(frozen=True)
class Measured:
    """A window's column beside its profile."""

    statistics: dict[StatisticName, float]
    effect: float
    counts: NDArray[np.int64]
    """Rows of the window in each group."""
    histogram: Histogram
    usual_rows: int = 0
    """Rows with the usual value of the profile, if it has one."""


def measure_numbers(profile: Profile, reference: Floats, current: Floats) -> Measured:
    """All statistics of a numeric column, from both sorted samples without NaN."""
    ks, wasserstein = numeric.ks_and_wasserstein(reference, current)
    counts = numeric.bin_counts(current, profile.edges)
    bars = _bar_counts(current, profile.bars)
    return Measured(
        statistics={
            "ks": ks,
            "wasserstein": wasserstein,
            "psi": float(shares.psi(profile.counts, counts)),
            "js": float(shares.js(profile.counts, counts)),
        },
        effect=wasserstein / profile.spread if len(current) else 0.0,
        counts=counts,
        histogram=_histogram(
            _spans(profile.bars[1:-1]), tuple(profile.bars.tolist()), profile.bar_counts, bars
        ),
        usual_rows=0 if profile.usual is None else _equal(current, profile.usual),
    )


def measure_texts(profile: Profile, current: Texts) -> Measured:
    """All statistics of a categorical column."""
    group = profile.group_of(current)
    counts = np.bincount(group[group >= 0], minlength=len(profile.groups))
    return Measured(
        statistics={
            "chi2": float(pooled_chi2(profile.counts, counts[np.newaxis])[0]),
            "psi": float(shares.psi(profile.counts, counts)),
            "js": float(shares.js(profile.counts, counts)),
        },
        effect=float(shares.total_variation(profile.counts, counts)) if counts.sum() else 0.0,
        counts=counts,
        histogram=_histogram(profile.groups, (), profile.counts, counts),
    )


def measured_from(
    profile: Profile,
    reference: NDArray[np.int64],
    current: NDArray[np.int64],
    ks: float,
    wasserstein: float,
) -> Measured:
    """What was measured elsewhere, from rows in each group and (numeric) the two distances."""
    found: dict[StatisticName, float] = {
        "psi": float(shares.psi(reference, current)),
        "js": float(shares.js(reference, current)),
    }
    if profile.column.kind == "numeric":
        found |= {"ks": ks, "wasserstein": wasserstein}
        effect = wasserstein / profile.spread
    else:
        found["chi2"] = float(pooled_chi2(reference, current[np.newaxis])[0])
        effect = float(shares.total_variation(reference, current))
    return Measured(
        statistics=found,
        effect=effect if current.sum() else 0.0,
        counts=current,
        histogram=_histogram(profile.groups, (), reference, current),
    )


def pooled_chi2(
    known: NDArray[np.int64], current: NDArray[Any], reference: NDArray[Any] | None = None
) -> Floats:
    """Chi-square after counting small categories together.

    Which are small is seen from the reference as it is `known` and the size of the window alone,
    so that it is the same ones in resamples, whose `reference` is another.

    Args:
        known: Rows of the reference in each group, shape (groups,).
        current: Rows of each window, shape (windows, groups).
        reference: Rows of the resampled reference for each window, shape (windows, groups).
    """
    rows = min(float(current.sum(axis=-1).max(initial=0)), float(known.sum()))
    small = shares.shares(known) * rows < MIN_EXPECTED
    pooled = [
        np.concatenate([side[..., ~small], side[..., small].sum(axis=-1, keepdims=True)], axis=-1)
        for side in (known if reference is None else reference, current)
    ]
    return shares.chi2(pooled[0], pooled[1])


def _equal(ordered: Floats, value: float) -> int:
    return int(np.diff(np.searchsorted(ordered, [value, np.nextafter(value, np.inf)]))[0])


def _bars(ordered: Floats) -> Floats:
    """Edges of even bars over the bulk of the values; the outermost bars take what is beyond."""
    if not len(ordered):
        return np.array([0.0, 1.0])
    low, high = np.quantile(ordered, [0.005, 0.995])
    if low == high:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, BARS + 1)


def _bar_counts(ordered: Floats, bars: Floats) -> NDArray[np.int64]:
    return numeric.bin_counts(ordered, bars[1:-1])


def _spans(inner: Floats) -> tuple[str, ...]:
    """Names of the bins between inner edges."""
    names = [f"{edge:.4g}" for edge in inner]
    if not names:
        return ("all",)
    middle = [f"{low} to {high}" for low, high in pairwise(names)]
    return (f"up to {names[0]}", *middle, f"above {names[-1]}")


def _histogram(
    labels: tuple[str, ...],
    edges: tuple[float, ...],
    reference: NDArray[np.int64],
    current: NDArray[np.int64],
) -> Histogram:
    return Histogram(
        labels,
        edges,
        tuple(shares.shares(reference).tolist()),
        tuple(shares.shares(current).tolist()),
    )
