"""Distances between columns that are too large for one machine, from summaries of fine bins.

Each partition is summarised separately (`summarise`), and the summaries are added. The distances
come with error bounds. Let D be the difference of the distribution functions. Between the values
of two adjacent bins, D is constant and known, so Kolmogorov-Smirnov is off by at most the share of
one bin. Inside a bin, the integral of D follows exactly from count, sum, minimum and maximum.
Wasserstein is the integral of |D|, which is the absolute value of that integral unless D changes
sign inside the bin; the error in that case is bounded. Bins with a single value are exact.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BINS = 2048


@dataclass(frozen=True)
class Summary:
    """A summary of a column or a part of it: one number per bin, of shape (edges + 1,)."""

    counts: NDArray[np.int64]
    sums: Floats
    lows: Floats
    """Minimum of each bin; infinite if the bin is empty."""
    highs: Floats

    def __add__(self, other: "Summary") -> "Summary":
        return Summary(
            self.counts + other.counts,
            self.sums + other.sums,
            np.minimum(self.lows, other.lows),
            np.maximum(self.highs, other.highs),
        )


@dataclass(frozen=True)
class Distances:
    """Both distances, and upper bounds on how much too small each may be."""

    ks: float
    ks_error: float
    wasserstein: float
    wasserstein_error: float


def fine_edges(sample: Floats, extra: Floats) -> Floats:
    """Inner edges of about `BINS` bins: quantiles of a sample, plus all of `extra`."""
    present = sample[~np.isnan(sample)]
    if not len(present):
        return extra
    at = np.arange(1, BINS) / BINS
    quantiles = np.quantile(present, at, method="inverted_cdf")
    edges: Floats = np.unique(np.concatenate([quantiles, extra]))
    return edges


def summarise(values: Floats, edges: Floats) -> Summary:
    """Summarise values; NaN and infinite values are left out."""
    values = values[np.isfinite(values)]
    at = np.searchsorted(edges, values, side="left")
    size = len(edges) + 1
    lows, highs = np.full(size, np.inf), np.full(size, -np.inf)
    np.minimum.at(lows, at, values)
    np.maximum.at(highs, at, values)
    sums = np.bincount(at, weights=values, minlength=size).astype(np.float64)
    return Summary(np.bincount(at, minlength=size), sums, lows, highs)


def distances(reference: Summary, current: Summary) -> Distances:
    """The distances between two columns that were summarised with the same bins."""
    rows = reference.counts.sum(), current.counts.sum()
    if not rows[0] or not rows[1]:
        return Distances(0, 0, 0, 0)
    filled = reference.counts + current.counts > 0
    p, q = reference.counts[filled] / rows[0], current.counts[filled] / rows[1]
    low = np.minimum(reference.lows, current.lows)[filled]
    high = np.maximum(reference.highs, current.highs)[filled]
    after = np.cumsum(p - q)
    before = after - (p - q)
    between = np.abs(after[:-1]) @ (low[1:] - high[:-1])
    # In each bin, the integral of F over [low, high] is F(low-) (high - low) plus (high - x) for
    # each value x.
    sums = reference.sums[filled] / rows[0] - current.sums[filled] / rows[1]
    inside = np.abs(before * (high - low) + high * (p - q) - sums)
    # In a bin with several values, D may exceed both of its end points by the smaller share.
    slack = np.where(high > low, np.minimum(p, q), 0)
    largest = np.maximum(np.abs(before), np.abs(after)) + slack
    crosses = (np.minimum(before, after) - slack < 0) & (np.maximum(before, after) + slack > 0)
    uncertain = np.where(crosses, np.maximum((high - low) * largest - inside, 0), 0)
    ks = float(np.abs(after).max())
    return Distances(
        ks=ks,
        ks_error=max(float(largest.max()) - ks, 0.0),
        wasserstein=float(between + inside.sum()),
        wasserstein_error=float(uncertain.sum()),
    )


def summarise_batches(edges: dict[str, Floats], batches: Iterator[Any]) -> Iterator[Any]:
    """Summarise Arrow batches, with one row per column and non-empty bin; runs on the executors.

    Args:
        edges: The inner edges of the bins, by column.
        batches: `pyarrow.RecordBatch`es with these columns.
    """
    import pyarrow as pa  # noqa: PLC0415 - from the extra `spark`

    summaries = {name: summarise(np.empty(0), inner) for name, inner in edges.items()}
    for batch in batches:
        for name, inner in edges.items():
            column = batch.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False)
            summaries[name] += summarise(np.asarray(column, dtype=np.float64), inner)
    for name, summary in summaries.items():
        bins = np.flatnonzero(summary.counts)
        yield pa.RecordBatch.from_pydict(
            {
                "name": [name] * len(bins),
                "bin": pa.array(bins, pa.int32()),
                "rows": pa.array(summary.counts[bins], pa.int64()),
                "total": pa.array(summary.sums[bins], pa.float64()),
                "low": pa.array(summary.lows[bins], pa.float64()),
                "high": pa.array(summary.highs[bins], pa.float64()),
            }
        )
