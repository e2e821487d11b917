"""What a statistic does when nothing has changed: its null distribution, from resampling."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TAIL = 0.1
"""The share of the largest resamples to which the tail is fitted."""


@dataclass(frozen=True)
class Null:
    """The null distribution of a statistic, of which larger values are more surprising.

    A thousand resamples cannot tell a chance of 1e-3 from one of 1e-6, and with thirty columns that
    is what it takes. So beyond the 90th percentile the chance is taken to fall exponentially, by
    the mean excess of the resamples there. Distances between empirical distributions have tails
    that are lighter still, like those of a Gaussian (van der Vaart and Wellner, Weak Convergence
    and Empirical Processes, A.2), and counts of rare rows about this one: it errs on the quiet
    side, and is never zero.
    """

    samples: Floats
    """Shape (resamples,), sorted."""

    @classmethod
    def of(cls, samples: Floats) -> "Null":
        """The null distribution that these resamples show. Shape (resamples,), in any order."""
        return cls(np.sort(np.asarray(samples, dtype=np.float64)))

    @cached_property
    def _tail(self) -> tuple[float, float]:
        """Where the tail begins, and its mean excess."""
        start = self.samples[int((1 - TAIL) * (len(self.samples) - 1))]
        excess = np.mean(np.maximum(self.samples, start) - start) / TAIL
        return float(start), float(excess)

    def p_value(self, value: float) -> float:
        """The chance of `value` or more when nothing has changed."""
        start, excess = self._tail
        if value > start and excess > 0:
            return TAIL * float(np.exp(-(value - start) / excess))
        at_least = len(self.samples) - int(np.searchsorted(self.samples, value, side="left"))
        return (at_least + 1) / (len(self.samples) + 1)

    def threshold(self, p_value: float) -> float:
        """The value whose chance is `p_value`."""
        start, excess = self._tail
        if p_value < TAIL:
            return start + excess * float(np.log(TAIL / p_value))
        return float(np.quantile(self.samples, 1 - p_value))


def benjamini_hochberg(p_values: Floats) -> Floats:
    """Adjusted p-values: those at most `a` are findings of which a share `a` is false at most.

    When nothing at all has changed, the chance of any finding is at most `a`. Shape (tests,).
    Benjamini and Hochberg (1995), as `scipy.stats.false_discovery_control` has it, which refuses
    an empty list.
    """
    if not len(p_values):
        return np.empty(0)
    from scipy.stats import false_discovery_control  # noqa: PLC0415 - slow to import

    adjusted: Floats = false_discovery_control(p_values, method="bh")
    return adjusted
