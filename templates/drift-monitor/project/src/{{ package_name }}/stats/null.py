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
    is what it takes. But distances between empirical distributions (Kolmogorov-Smirnov,
    Wasserstein, Jensen-Shannon, a mean) are norms of a process that tends to a Gaussian one,
    and their squares therefore have an exponential tail; statistics that are quadratic already
    (chi-square, PSI, squared MMD) have it as they are. So beyond the 90th percentile the chance is
    exp(-(t - u) / mean excess), which also never becomes zero.
    See van der Vaart and Wellner, Weak Convergence and Empirical Processes, A.2.
    """

    samples: Floats
    """Shape (resamples,), sorted."""
    quadratic: bool

    @classmethod
    def of(cls, samples: Floats, *, quadratic: bool) -> "Null":
        """The null distribution that these resamples show. Shape (resamples,), in any order."""
        return cls(np.sort(np.asarray(samples, dtype=np.float64)), quadratic)

    @cached_property
    def _tail(self) -> tuple[float, float]:
        """Where the tail begins, and its mean excess, both on the quadratic scale."""
        scaled = self._scaled(self.samples)
        start = scaled[int((1 - TAIL) * (len(scaled) - 1))]
        return float(start), float(np.mean(np.maximum(scaled, start) - start) / TAIL)

    def _scaled(self, values: Floats) -> Floats:
        return values if self.quadratic else np.sign(values) * values**2

    def p_value(self, value: float) -> float:
        """The chance of `value` or more when nothing has changed."""
        start, excess = self._tail
        scaled = float(self._scaled(np.asarray(value, dtype=np.float64)))
        if scaled > start:
            if excess <= 0:  # it never varies, as a column of one value
                return 0.0
            return TAIL * float(np.exp(-(scaled - start) / excess))
        below = int(np.searchsorted(self.samples, value, side="left"))
        return (len(self.samples) - below + 1) / (len(self.samples) + 1)

    def threshold(self, p_value: float) -> float:
        """The value whose chance is `p_value`."""
        start, excess = self._tail
        if p_value < TAIL:
            scaled = start + excess * float(np.log(TAIL / p_value))
            return scaled if self.quadratic else float(np.sign(scaled) * np.sqrt(abs(scaled)))
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
