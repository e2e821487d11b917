"""Exact distances between two samples of numbers, from one merge of the sorted samples.

SciPy computes the same (`ks_2samp`, `wasserstein_distance`), but sorts the samples again for each
statistic, and its exact p-value for Kolmogorov-Smirnov costs far more than the statistic.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def sorted_values(values: Floats) -> Floats:
    """Sort values and drop NaN. Shape (rows,) to (rows without NaN,)."""
    values = np.sort(values)  # NaN goes last
    return values[: int(np.searchsorted(values, np.nan))]


def ks_and_wasserstein(reference: Floats, current: Floats) -> tuple[float, float]:
    """Kolmogorov-Smirnov's D and the first Wasserstein distance (in the unit of the values).

    Both samples must be sorted, without NaN. The distance to an empty sample is zero, because
    `quality` reports missing values.
    """
    if not len(reference) or not len(current):
        return 0.0, 0.0
    merged = np.concatenate([reference, current])
    # A stable sort detects the two sorted runs and merges them in linear time.
    order = np.argsort(merged, kind="stable")
    merged = merged[order]
    # Count in integers, because summing 1/n over a million terms accumulates rounding errors.
    is_current = order >= len(reference)
    current_ranks = np.cumsum(is_current, dtype=np.int64)
    del order, is_current  # these arrays are large
    reference_ranks = np.arange(1, len(merged) + 1, dtype=np.int64) - current_ranks
    difference = reference_ranks / len(reference) - current_ranks / len(current)
    np.abs(difference, out=difference)
    gaps = np.diff(merged)
    # Within a run of equal values, `difference` is not that of the distribution functions.
    ks = float(np.max(difference[:-1], where=gaps > 0, initial=0.0))
    return ks, float(difference[:-1] @ gaps)


def quantile_edges(reference: Floats, bins: int) -> Floats:
    """Inner edges of about equally filled bins of a sorted sample; fewer if many values are equal.

    A bin excludes its left edge and includes its right edge.
    """
    if not len(reference):
        return np.empty(0)
    at = np.arange(1, bins) / bins
    edges: Floats = np.unique(np.quantile(reference, at, method="inverted_cdf"))
    inner: Floats = edges[edges < reference[-1]]
    return inner


def bin_counts(ordered: Floats, edges: Floats) -> NDArray[np.int64]:
    """The number of the sorted values in each bin. Shape (edges + 1,)."""
    at = np.searchsorted(ordered, edges, side="right")
    return np.diff(at, prepend=0, append=len(ordered)).astype(np.int64)


def bin_of(values: Floats, edges: Floats) -> NDArray[np.int64]:
    """The bin of each value; -1 for NaN. Shape (rows,)."""
    bins = np.searchsorted(edges, values, side="left")
    return np.where(np.isnan(values), -1, bins)
