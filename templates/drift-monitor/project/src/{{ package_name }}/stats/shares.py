"""Distances between two tables of counts, for one pair or many pairs at a time.

The last axis of the counts is the bins or categories: shape (..., bins).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import rel_entr

Floats = NDArray[np.float64]

FLOOR = 1e-4
"""Minimum share of a bin for PSI; without it, an empty bin would make PSI infinite."""


def shares(counts: NDArray[Any]) -> Floats:
    """Divide counts by their total. The shares sum to one (or are zero if the total is zero)."""
    counts = np.asarray(counts, dtype=np.float64)
    total = counts.sum(axis=-1, keepdims=True)
    found: Floats = np.divide(counts, total, out=np.zeros_like(counts), where=total > 0)
    return found


def psi(reference: NDArray[Any], current: NDArray[Any]) -> Floats:
    """Population stability index: sum of (p - q) log(p / q) over the shares. Shape (...)."""
    p = np.maximum(shares(reference), FLOOR)
    q = np.maximum(shares(current), FLOOR)
    index: Floats = np.asarray(((p - q) * np.log(p / q)).sum(axis=-1))
    return index


def js_terms(reference: NDArray[Any], current: NDArray[Any]) -> Floats:
    """The contribution of each bin to the Jensen-Shannon divergence, in bits. Shape (..., bins)."""
    p, q = shares(reference), shares(current)
    middle = (p + q) / 2
    terms: Floats = (rel_entr(p, middle) + rel_entr(q, middle)) / (2 * np.log(2))
    return terms


def js(reference: NDArray[Any], current: NDArray[Any]) -> Floats:
    """Jensen-Shannon distance, base 2: 0 for equal shares, 1 for disjoint ones. Shape (...)."""
    divergence = js_terms(reference, current).sum(axis=-1)
    distance: Floats = np.asarray(np.sqrt(np.maximum(divergence, 0)))
    return distance


def chi2(reference: NDArray[Any], current: NDArray[Any]) -> Floats:
    """Pearson's chi-square statistic for the homogeneity of two samples. Shape (...).

    It equals `scipy.stats.chi2_contingency` of the two rows without Yates' correction. A category
    that neither sample has contributes nothing.
    """
    p = np.asarray(reference, dtype=np.float64)
    q = np.asarray(current, dtype=np.float64)
    rows_p, rows_q = p.sum(axis=-1, keepdims=True), q.sum(axis=-1, keepdims=True)
    both = (p + q) * rows_p * rows_q
    cross = (p * rows_q - q * rows_p) ** 2
    terms = np.divide(cross, both, out=np.zeros_like(cross), where=both > 0)
    statistic: Floats = np.asarray(terms.sum(axis=-1))
    return statistic


def fisher(first: int, first_rows: int, second: int, second_rows: int) -> float:
    """The two-sided p-value of Fisher's exact test for two shares being equal."""
    from scipy.stats import fisher_exact  # noqa: PLC0415 - slow to import

    table = [[first, first_rows - first], [second, second_rows - second]]
    return float(fisher_exact(table).pvalue)


def total_variation(reference: NDArray[Any], current: NDArray[Any]) -> Floats:
    """The share of rows that would have to move to make both equal. Shape (...)."""
    distance: Floats = np.asarray(
        np.abs(shares(reference) - shares(current)).sum(axis=-1) / 2, dtype=np.float64
    )
    return distance
