"""Exact two-sample distances of numbers, from one merge of the two sorted samples.

SciPy computes the same (`ks_2samp`, `wasserstein_distance`), but sorts everything again for each
statistic, and for Kolmogorov-Smirnov its exact p-value costs far more than the statistic.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def sorted_values(values: Floats) -> Floats:
    """The values that are there (not NaN), in order. Shape (rows,) to (rows that are there,)."""
    values = np.sort(values)  # NaN goes last
    return values[: int(np.searchsorted(values, np.nan))]


def ks_and_wasserstein(reference: Floats, current: Floats) -> tuple[float, float]:
    """Kolmogorov-Smirnov's D and the first Wasserstein distance (in the unit of the values).

    Both samples must be sorted, without NaN. An empty one is at distance zero: there is nothing
    to tell; that values are missing is for `quality` to say.
    """
    if not len(reference) or not len(current):
        return 0.0, 0.0
    merged = np.concatenate([reference, current])
    # Two sorted runs: a stable sort finds them and merges in linear time.
    order = np.argsort(merged, kind="stable")
    merged = merged[order]
    # In whole numbers, since a sum of 1/n drifts from the truth over a million terms.
    is_current = order >= len(reference)
    seen = np.cumsum(is_current, dtype=np.int64)
    del order, is_current
    before = np.arange(1, len(merged) + 1, dtype=np.int64) - seen
    difference = before / len(reference) - seen / len(current)
    np.abs(difference, out=difference)
    gaps = np.diff(merged)
    # Inside a run of equal values the difference is no difference of distribution functions.
    ks = float(np.max(difference[:-1], where=gaps > 0, initial=0.0))
    return ks, float(difference[:-1] @ gaps)


def quantile_edges(reference: Floats, bins: int) -> Floats:
    """Inner edges of about equally filled bins of a sorted sample; fewer if many values are equal.

    A bin holds what is above its left edge, up to and including its right edge.
    """
    if not len(reference):
        return np.empty(0)
    at = np.arange(1, bins) / bins
    edges: Floats = np.unique(np.quantile(reference, at, method="inverted_cdf"))
    inner: Floats = edges[edges < reference[-1]]
    return inner


def bin_counts(ordered: Floats, edges: Floats) -> NDArray[np.int64]:
    """How many of the sorted values are in each bin. Shape (edges + 1,)."""
    at = np.searchsorted(ordered, edges, side="right")
    return np.diff(at, prepend=0, append=len(ordered)).astype(np.int64)


def bin_of(values: Floats, edges: Floats) -> NDArray[np.int64]:
    """Which bin each value is in; -1 for NaN. Shape (rows,)."""
    found = np.searchsorted(edges, values, side="left")
    return np.where(np.isnan(values), -1, found)
