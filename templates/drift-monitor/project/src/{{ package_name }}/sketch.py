"""Distances of numbers too many for one machine, from what is known of fine bins.

Each part of the data is summed up on its own (`summarise`), and parts are added up. What comes out
has its error stated. With D the difference of the distribution functions: between the values of
one bin and those of the next D is constant and known, so Kolmogorov-Smirnov is off by at most the
share that one bin has. Inside a bin the integral of D follows exactly from count, sum and ends, and
Wasserstein, the integral of |D|, is its absolute value, unless D changes sign there, which is
bounded. Bins of a single value are exact.
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
    """A part of a column, or all of it: one number a bin, of shape (edges + 1,)."""

    counts: NDArray[np.int64]
    sums: Floats
    lows: Floats
    """Least value in each bin; infinite if it is empty."""
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
    lows, highs = np.full(size, np.inf), np.full(size, -np.inf)
    np.minimum.at(lows, at, values)
    np.maximum.at(highs, at, values)
    sums = np.bincount(at, weights=values, minlength=size).astype(np.float64)
    return Summary(np.bincount(at, minlength=size), sums, lows, highs)


def distances(reference: Summary, current: Summary) -> Distances:
    """How far two columns that were summed up in the same bins are apart."""
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
    # From low to high, F integrates to what it was before, plus (high - x) for each value x.
    sums = reference.sums[filled] / rows[0] - current.sums[filled] / rows[1]
    inside = np.abs(before * (high - low) + high * (p - q) - sums)
    # In a bin of several values D may go beyond both of its ends by the smaller share.
    slack = np.where(high > low, np.minimum(p, q), 0)
    largest = np.maximum(np.abs(before), np.abs(after)) + slack
    crosses = (np.minimum(before, after) - slack < 0) & (np.maximum(before, after) + slack > 0)
    unknown = np.where(crosses, np.maximum((high - low) * largest - inside, 0), 0)
    ks = float(np.abs(after).max())
    return Distances(
        ks=ks,
        ks_error=max(float(largest.max()) - ks, 0.0),
        wasserstein=float(between + inside.sum()),
        wasserstein_error=float(unknown.sum()),
    )


def summarise_batches(edges: dict[str, Floats], batches: Iterator[Any]) -> Iterator[Any]:
    """Sum up Arrow batches to a row for each column and bin that is not empty; runs on executors.

    Args:
        edges: Of the bins, by column.
        batches: `pyarrow.RecordBatch`es with these columns.
    """
    import pyarrow as pa  # noqa: PLC0415 - the extra `spark`

    found = {name: summarise(np.empty(0), inner) for name, inner in edges.items()}
    for batch in batches:
        for name, inner in edges.items():
            column = batch.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False)
            found[name] += summarise(np.asarray(column, dtype=np.float64), inner)
    for name, part in found.items():
        bins = np.flatnonzero(part.counts)
        yield pa.RecordBatch.from_pydict(
            {
                "name": [name] * len(bins),
                "bin": pa.array(bins, pa.int32()),
                "rows": pa.array(part.counts[bins], pa.int64()),
                "total": pa.array(part.sums[bins], pa.float64()),
                "low": pa.array(part.lows[bins], pa.float64()),
                "high": pa.array(part.highs[bins], pa.float64()),
            }
        )
