"""The profile of a column in the reference, and measurements of a window against it."""

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .frame import Categories, Floats
from .records import Column, Histogram, StatisticName
from .stats import numeric, shares

BINS = 10
"""Number of bins for PSI and Jensen-Shannon, each with about the same share of the reference."""
BARS = 20
DOMINANT_SHARE = 0.9
"""A value is dominant if more than this share of the rows has it."""
MAX_CATEGORIES = 30
"""Only this many categories, the most frequent ones, are counted separately."""
OTHER = "(other)"
MIN_EXPECTED = 5
"""Chi-square pools categories with fewer expected rows than this (Cochran, 1954)."""


@dataclass(frozen=True)
class Profile:
    """The distribution of one column in the reference.

    `groups` are the bins of a numeric column or the categories (the last one is for all others).
    `counts` are the reference rows in each group, shape (groups,).
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
    """Numeric: standard deviation; 1 if the column is constant."""
    bars: Floats
    """Numeric: edges of the bars in the displayed histogram."""
    bar_counts: NDArray[np.int64]
    dominant_value: float | None
    """Numeric: the value that nearly all rows have, if any."""
    dominant_rows: int
    known_categories: frozenset[str]
    """Categorical: all categories in the reference."""
    singletons: int
    """Categorical: how many categories occur once; used to estimate how many are still unseen."""

    def group_of(self, values: Floats | Categories) -> NDArray[np.int64]:
        """The group of each value; -1 for missing values. Shape (rows,)."""
        if self.column.kind == "numeric":
            return numeric.bin_of(values.astype(np.float64, copy=False), self.edges)
        index = {name: at for at, name in enumerate(self.groups)}
        rest = len(self.groups) - 1
        found = [-1 if value is None else index.get(value, rest) for value in values.tolist()]
        return np.asarray(found, dtype=np.int64)


def profile_numbers(column: Column, ordered: Floats, rows: int) -> Profile:
    """Profile a numeric column, from its sorted values without NaN."""
    edges = numeric.quantile_edges(ordered, BINS)
    low, high = (float(ordered[0]), float(ordered[-1])) if len(ordered) else (0.0, 0.0)
    spread = float(np.std(ordered)) if len(ordered) else 0.0
    bars = _bars(ordered)
    dominant_value = float(ordered[len(ordered) // 2]) if len(ordered) else 0.0
    dominant_rows = _count_equal(ordered, dominant_value)
    return Profile(
        column=column,
        rows=rows,
        missing=rows - len(ordered),
        groups=_bin_names(edges),
        counts=numeric.bin_counts(ordered, edges),
        edges=edges,
        low=low,
        high=high,
        spread=spread or 1.0,
        bars=bars,
        bar_counts=_bar_counts(ordered, bars),
        dominant_value=dominant_value if dominant_rows > DOMINANT_SHARE * len(ordered) else None,
        dominant_rows=dominant_rows,
        known_categories=frozenset(),
        singletons=0,
    )


def profile_categories(column: Column, values: Categories) -> Profile:
    """Profile a categorical column."""
    counted = Counter(values.tolist())
    missing = counted.pop(None, 0)
    common = counted.most_common(MAX_CATEGORIES)
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
        dominant_value=None,
        dominant_rows=0,
        known_categories=frozenset(str(name) for name in counted),
        singletons=sum(1 for count in counted.values() if count == 1),
    )


@dataclass(frozen=True)
class Measurement:
    """A column of a window, measured against its profile."""

    statistics: dict[StatisticName, float]
    effect: float
    counts: NDArray[np.int64]
    """Rows of the window in each group."""
    histogram: Histogram
    dominant_rows: int = 0
    """Rows with the dominant value of the profile, if it has one."""


def measure_numbers(profile: Profile, reference: Floats, current: Floats) -> Measurement:
    """Measure a numeric column, from both sorted samples without NaN."""
    ks, wasserstein = numeric.ks_and_wasserstein(reference, current)
    counts = numeric.bin_counts(current, profile.edges)
    bars = _bar_counts(current, profile.bars)
    return Measurement(
        statistics={
            "ks": ks,
            "wasserstein": wasserstein,
            "psi": float(shares.psi(profile.counts, counts)),
            "js": float(shares.js(profile.counts, counts)),
        },
        effect=wasserstein / profile.spread if len(current) else 0.0,
        counts=counts,
        histogram=_histogram(
            _bin_names(profile.bars[1:-1]), tuple(profile.bars.tolist()), profile.bar_counts, bars
        ),
        dominant_rows=(
            0 if profile.dominant_value is None else _count_equal(current, profile.dominant_value)
        ),
    )


def measure_categories(profile: Profile, current: Categories) -> Measurement:
    """Measure a categorical column."""
    group = profile.group_of(current)
    counts = np.bincount(group[group >= 0], minlength=len(profile.groups))
    return Measurement(
        statistics={
            "chi2": float(pooled_chi2(profile.counts, counts[np.newaxis])[0]),
            "psi": float(shares.psi(profile.counts, counts)),
            "js": float(shares.js(profile.counts, counts)),
        },
        effect=float(shares.total_variation(profile.counts, counts)) if counts.sum() else 0.0,
        counts=counts,
        histogram=_histogram(profile.groups, (), profile.counts, counts),
    )


def measurement_from_counts(
    profile: Profile,
    reference: NDArray[np.int64],
    current: NDArray[np.int64],
    ks: float,
    wasserstein: float,
) -> Measurement:
    """Build a measurement from group counts and, if numeric, the two distances."""
    statistics: dict[StatisticName, float] = {
        "psi": float(shares.psi(reference, current)),
        "js": float(shares.js(reference, current)),
    }
    if profile.column.kind == "numeric":
        statistics |= {"ks": ks, "wasserstein": wasserstein}
        effect = wasserstein / profile.spread
    else:
        statistics["chi2"] = float(pooled_chi2(reference, current[np.newaxis])[0])
        effect = float(shares.total_variation(reference, current))
    return Measurement(
        statistics=statistics,
        effect=effect if current.sum() else 0.0,
        counts=current,
        histogram=_histogram(profile.groups, (), reference, current),
    )


def pooled_chi2(
    profile_counts: NDArray[np.int64],
    current: NDArray[Any],
    reference: NDArray[Any] | None = None,
) -> Floats:
    """Chi-square after pooling small categories.

    The profile and the window size alone decide which categories are small, so that resamples pool
    the same ones although their `reference` differs.

    Args:
        profile_counts: Rows of the reference in each group, shape (groups,).
        current: Rows of each window, shape (windows, groups).
        reference: Rows of the resampled reference for each window, shape (windows, groups).
    """
    rows = min(float(current.sum(axis=-1).max(initial=0)), float(profile_counts.sum()))
    small = shares.shares(profile_counts) * rows < MIN_EXPECTED
    pooled = [
        np.concatenate([side[..., ~small], side[..., small].sum(axis=-1, keepdims=True)], axis=-1)
        for side in (profile_counts if reference is None else reference, current)
    ]
    return shares.chi2(pooled[0], pooled[1])


def _count_equal(ordered: Floats, value: float) -> int:
    return int(np.diff(np.searchsorted(ordered, [value, np.nextafter(value, np.inf)]))[0])


def _bars(ordered: Floats) -> Floats:
    """Edges of equally wide bars over the bulk of the values; the outer bars include the rest."""
    if not len(ordered):
        return np.array([0.0, 1.0])
    low, high = np.quantile(ordered, [0.005, 0.995])
    if low == high:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, BARS + 1)


def _bar_counts(ordered: Floats, bars: Floats) -> NDArray[np.int64]:
    return numeric.bin_counts(ordered, bars[1:-1])


def _bin_names(inner: Floats) -> tuple[str, ...]:
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
