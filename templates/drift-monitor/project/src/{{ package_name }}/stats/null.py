"""Null distributions: the distribution of a statistic if nothing has changed, by resampling."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TAIL = 0.1
"""The tail is fitted to this share of the resamples, the largest ones."""


@dataclass(frozen=True)
class NullDistribution:
    """The null distribution of a statistic whose large values indicate drift.

    A thousand resamples cannot distinguish a p-value of 1e-3 from one of 1e-6, but thirty columns
    need that resolution. So beyond the 90th percentile, the p-value is assumed to fall
    exponentially, at a rate given by the mean excess of the resamples there. Distances between
    empirical distributions have lighter tails, like those of a Gaussian (van der Vaart and
    Wellner, Weak Convergence and Empirical Processes, A.2), and counts of rare rows have about
    this one. So the assumption errs on the side of fewer alarms, and a p-value is never zero.
    """

    samples: Floats
    """Shape (resamples,), sorted."""

    @classmethod
    def from_samples(cls, samples: Floats) -> "NullDistribution":
        """Build the distribution from resampled values. Shape (resamples,), in any order."""
        return cls(np.sort(np.asarray(samples, dtype=np.float64)))

    @cached_property
    def _tail(self) -> tuple[float, float]:
        """The start of the tail and its mean excess."""
        start = self.samples[int((1 - TAIL) * (len(self.samples) - 1))]
        excess = np.mean(np.maximum(self.samples, start) - start) / TAIL
        return float(start), float(excess)

    def p_value(self, value: float) -> float:
        """The probability of `value` or more if nothing has changed."""
        start, excess = self._tail
        if value > start and excess > 0:
            return TAIL * float(np.exp(-(value - start) / excess))
        at_least = len(self.samples) - int(np.searchsorted(self.samples, value, side="left"))
        return (at_least + 1) / (len(self.samples) + 1)

    def threshold(self, p_value: float) -> float:
        """The value with this p-value."""
        start, excess = self._tail
        if p_value < TAIL:
            return start + excess * float(np.log(TAIL / p_value))
        return float(np.quantile(self.samples, 1 - p_value))


def benjamini_hochberg(p_values: Floats) -> Floats:
    """Adjust p-values to control the false discovery rate. Shape (tests,).

    Of the tests with an adjusted p-value up to `a`, at most a share `a` is false on average. If
    nothing has changed, the probability of any finding is at most `a`. Benjamini and Hochberg
    (1995), as in `scipy.stats.false_discovery_control`, which does not accept an empty list.
    """
    if not len(p_values):
        return np.empty(0)
    from scipy.stats import false_discovery_control  # noqa: PLC0415 - slow to import

    adjusted: Floats = false_discovery_control(p_values, method="bh")
    return adjusted
