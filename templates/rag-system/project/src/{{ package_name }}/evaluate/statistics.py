"""The statistics of an evaluation: intervals, AUC, kappa, logistic regression."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 10_000
_MAX_ITERATIONS = 50


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its 95 % confidence interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:+.3f} [{self.low:+.3f}, {self.high:+.3f}]"


def bootstrap(values: Sequence[float], seed: int = 0) -> Interval:
    """Compute a mean and its percentile bootstrap interval (Efron and Tibshirani, 1993).

    Args:
        values: One value per question; to compare two systems, their paired differences.
        seed: The seed for resampling.
    """
    sample = np.asarray(values, float)
    if not len(sample):
        return Interval(float("nan"), float("nan"), float("nan"))
    generator = np.random.default_rng(seed)
    means = sample[generator.integers(0, len(sample), (RESAMPLES, len(sample)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return Interval(float(sample.mean()), float(low), float(high))


def auc(positive: Sequence[float], negative: Sequence[float]) -> float:
    """Probability that a positive scores above a negative; ties count half (Mann-Whitney U)."""
    if not positive or not negative:
        return float("nan")
    difference = np.subtract.outer(np.asarray(positive), np.asarray(negative))
    return float(((difference > 0) + 0.5 * (difference == 0)).mean())


def kappa(first: Sequence[bool], second: Sequence[bool]) -> float:
    """Agreement of two raters beyond chance (Cohen, 1960)."""
    a, b = np.asarray(first, bool), np.asarray(second, bool)
    agreed = float((a == b).mean())
    chance = float(a.mean() * b.mean() + (1 - a.mean()) * (1 - b.mean()))
    return 1.0 if chance == 1 else (agreed - chance) / (1 - chance)


def logistic(
    features: NDArray[np.float64], labels: NDArray[np.float64], penalty: float = 0.1
) -> tuple[NDArray[np.float64], float]:
    """Fit a logistic regression with an L2 penalty, by Newton's method.

    Args:
        features: Shape (n, d).
        labels: 0 or 1; shape (n,). Both classes get the same total weight, whatever their sizes.
        penalty: The strength of the penalty.

    Returns:
        The weights, of shape (d,), and the bias.
    """
    design = np.hstack([features, np.ones((len(features), 1))])
    positive = max(labels.mean(), 1e-9)
    class_weights = np.where(labels == 1, 0.5 / positive, 0.5 / max(1 - positive, 1e-9))
    ridge = np.diag([penalty] * features.shape[1] + [1e-6])
    theta = np.zeros(design.shape[1])
    for _ in range(_MAX_ITERATIONS):
        probability = 1 / (1 + np.exp(-design @ theta))
        gradient = design.T @ (class_weights * (probability - labels)) + ridge @ theta
        variance = class_weights * probability * (1 - probability)
        hessian = (design * variance[:, None]).T @ design + ridge
        change = np.linalg.solve(hessian, gradient)
        theta -= change
        if np.abs(change).max() < 1e-10:  # noqa: PLR2004 - converged to float precision
            break
    return theta[:-1], float(theta[-1])
