"""How sure a figure is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 10_000
_STEPS = 50


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean, and where it lies with 95 % confidence."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:+.3f} [{self.low:+.3f}, {self.high:+.3f}]"


def bootstrap(values: Sequence[float], seed: int = 0) -> Interval:
    """Percentile bootstrap of a mean (Efron and Tibshirani, 1993).

    Args:
        values: One per question; differences, for two systems that were asked the same.
        seed: Of the resampling.
    """
    sample = np.asarray(values, float)
    if not len(sample):
        return Interval(float("nan"), float("nan"), float("nan"))
    generator = np.random.default_rng(seed)
    means = sample[generator.integers(0, len(sample), (RESAMPLES, len(sample)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return Interval(float(sample.mean()), float(low), float(high))


def auc(positive: Sequence[float], negative: Sequence[float]) -> float:
    """Probability that a positive scores above a negative; ties count half (Mann and Whitney)."""
    if not positive or not negative:
        return float("nan")
    difference = np.subtract.outer(np.asarray(positive), np.asarray(negative))
    return float(((difference > 0) + 0.5 * (difference == 0)).mean())


def kappa(first: Sequence[bool], second: Sequence[bool]) -> float:
    """Agreement of two judges beyond chance (Cohen, 1960)."""
    a, b = np.asarray(first, bool), np.asarray(second, bool)
    agreed = float((a == b).mean())
    chance = float(a.mean() * b.mean() + (1 - a.mean()) * (1 - b.mean()))
    return 1.0 if chance == 1 else (agreed - chance) / (1 - chance)


def logistic(
    features: NDArray[np.float64], labels: NDArray[np.float64], penalty: float = 0.1
) -> tuple[NDArray[np.float64], float]:
    """Fit a logistic regression with a squared penalty on its weights, by Newton's method.

    Args:
        features: Shape (n, d).
        labels: 0 or 1; shape (n,). Both classes weigh the same, however many there are of each.
        penalty: How strongly the weights are pulled to zero.

    Returns:
        Weights of shape (d,), and the bias.
    """
    design = np.hstack([features, np.ones((len(features), 1))])
    positive = max(labels.mean(), 1e-9)
    balance = np.where(labels == 1, 0.5 / positive, 0.5 / max(1 - positive, 1e-9))
    shrink = np.diag([penalty] * features.shape[1] + [1e-6])
    theta = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-design @ theta))
        gradient = design.T @ (balance * (chance - labels)) + shrink @ theta
        curvature = (design * (balance * chance * (1 - chance))[:, None]).T @ design + shrink
        change = np.linalg.solve(curvature, gradient)
        theta -= change
        if np.abs(change).max() < 1e-10:  # noqa: PLR2004 - as exact as floats go
            break
    return theta[:-1], float(theta[-1])
