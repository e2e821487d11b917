"""Distances of numbers too many for one machine, from counts and sums in fine bins.

Each part of the data is summed up on its own (`summarise`), and parts are added up. What comes out
has its error stated. With D the difference of the distribution functions: at the bins' edges
D is known, so Kolmogorov-Smirnov is off by at most the share that a bin has. Over a bin
the integral of D follows exactly from count and sum, and Wasserstein, the integral of |D|, is
their absolute sum, but for bins inside which D changes sign, which is bounded.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BINS = 2048


@dataclass(frozen=True)
class Summary:
    """A part of a column, or all of it. `counts` and `sums` have one number a bin."""

    counts: NDArray[np.int64]
    sums: Floats
    low: float
    high: float

    def __add__(self, other: "Summary") -> "Summary":
        return Summary(
            self.counts + other.counts,
            self.sums + other.sums,
            min(self.low, other.low),
            max(self.high, other.high),
        )


@dataclass(frozen=True)
class Distances:
    """Both distances, and by how much each may be too small."""

    ks: float
    ks_error: float
    wasserstein: float
    wasserstein_error: float


def fine_edges(sample: Floats, also: Floats) -> Floats:
    """Inner edges of about `BINS` bins: quantiles of a sample, and all of `also`."""
    there = sample[~np.isnan(sample)]
    if not len(there):
        return also
    at = np.arange(1, BINS) / BINS
    edges: Floats = np.unique(np.concatenate([np.quantile(there, at, method="inverted_cdf"), also]))
    return edges


def summarise(values: Floats, edges: Floats) -> Summary:
    """Sum up some values; NaN and infinite ones are left out."""
    values = values[np.isfinite(values)]
    at = np.searchsorted(edges, values, side="left")
    size = len(edges) + 1
    return Summary(
        np.bincount(at, minlength=size),
        np.bincount(at, weights=values, minlength=size).astype(np.float64),
        float(values.min(initial=np.inf)),
        float(values.max(initial=-np.inf)),
    )


def distances(reference: Summary, current: Summary, edges: Floats) -> Distances:
    """How far two columns that were summed up in the same bins are apart."""
    rows = reference.counts.sum(), current.counts.sum()
    if not rows[0] or not rows[1]:
        return Distances(0, 0, 0, 0)
    low, high = min(reference.low, current.low), max(reference.high, current.high)
    bounds = np.concatenate([[low], np.clip(edges, low, high), [high]])
    p, q = reference.counts / rows[0], current.counts / rows[1]
    difference = np.concatenate([[0.0], np.cumsum(p - q)])
    # Over a bin from a to b, F integrates to b F(b) - a F(a) less the sum of its values.
    ends = bounds * difference
    integral = np.diff(ends) - (reference.sums / rows[0] - current.sums / rows[1])
    largest = np.maximum(np.abs(difference[:-1]), np.abs(difference[1:]))
    slack = np.minimum(p, q)
    # Within a bin D stays above its least end less q, and below its largest plus p.
    lowest = np.minimum(difference[:-1], difference[1:]) - slack
    highest = np.maximum(difference[:-1], difference[1:]) + slack
    crosses = (lowest < 0) & (highest > 0)
    most = np.diff(bounds) * (largest + slack)
    unknown = np.where(crosses, np.maximum(most - np.abs(integral), 0), 0)
    ks = float(np.abs(difference).max())
    inside = float((largest + slack).max())
    return Distances(ks, max(inside - ks, 0.0), float(np.abs(integral).sum()), float(unknown.sum()))
