"""The gate: is the challenger better than the champion, with enough confidence to replace it?

Both models predict the same held-out rows, so each row gives a pair of losses. A paired bootstrap
resamples the rows with replacement many times and takes the mean difference each time. The
challenger is promoted only if at least a share `confidence` of these means is above the margin.
A row that is hard for one model is usually hard for the other, and that cancels out in the
difference, so a paired comparison needs far fewer rows than two separate evaluations.
"""

from collections.abc import Mapping

import numpy as np

from .config import GateConfig
from .decision import Decision, SliceComparison
from .evaluate import Floats, Mask

_BATCH = 4_000_000
"""Values drawn at a time, to bound memory."""


def decide(
    champion: Floats, challenger: Floats, slices: Mapping[str, Mask], rule: GateConfig, seed: int
) -> Decision:
    """Compare two models on the same rows.

    Args:
        champion: Loss of the champion per row, shape (rows,).
        challenger: Loss of the challenger on the same rows.
        slices: Name -> mask of the slice's rows.
        rule: Margin, confidence and tolerances.
        seed: Seed of the resampling, so that the same losses give the same decision.

    Raises:
        ValueError: There are no rows, or the lengths differ.
    """
    if champion.shape != challenger.shape or champion.ndim != 1 or not len(champion):
        raise ValueError(f"cannot compare losses of shapes {champion.shape}, {challenger.shape}")
    gains = champion - challenger
    means = resample(gains, rule.resamples, seed)
    lower, upper = np.quantile(means, [1 - rule.confidence, rule.confidence])
    compared = tuple(
        _compare_slice(name, mask, champion, challenger, rule) for name, mask in slices.items()
    )
    blockers = [
        f"{each.name}: the loss rises from {each.champion:.4g} to {each.challenger:.4g}, "
        f"by more than {rule.slice_tolerance:g}"
        for each in compared
        if each.blocks
    ]
    if len(gains) < rule.min_rows:
        blockers.insert(0, f"{len(gains)} rows to compare on, at least {rule.min_rows} are needed")
    if lower <= rule.margin:
        blockers.insert(0, _margin_missed(float(lower), rule))
    return Decision(
        promote=not blockers,
        reasons=tuple(blockers) or (_margin_met(float(lower), rule),),
        rows=len(gains),
        champion=float(champion.mean()),
        challenger=float(challenger.mean()),
        improvement=float(gains.mean()),
        lower=float(lower),
        upper=float(upper),
        slices=compared,
    )


def resample(values: Floats, resamples: int, seed: int) -> Floats:
    """Resample `values` with replacement many times and return the mean of each resample.

    Returns:
        Shape (resamples,).
    """
    random = np.random.default_rng(seed)
    batch = max(1, _BATCH // len(values))
    means = [
        values[
            random.integers(len(values), size=(min(batch, resamples - start), len(values)))
        ].mean(axis=1)
        for start in range(0, resamples, batch)
    ]
    return np.concatenate(means)


def _margin_met(lower: float, rule: GateConfig) -> str:
    falls = f"the loss falls by at least {lower:.4g}, above the margin of {rule.margin:g}"
    return f"at {rule.confidence:.0%} confidence, {falls}"


def _margin_missed(lower: float, rule: GateConfig) -> str:
    if lower == 0:
        worst = "not fall at all"
    else:
        worst = f"fall by only {lower:.4g}" if lower > 0 else f"rise by {-lower:.4g}"
    return (
        f"at {rule.confidence:.0%} confidence, the loss may {worst}, "
        f"but it has to fall by more than {rule.margin:g}"
    )


def _compare_slice(
    name: str, mask: Mask, champion: Floats, challenger: Floats, rule: GateConfig
) -> SliceComparison:
    rows = int(mask.sum())
    if not rows:
        return SliceComparison(name=name, rows=0, champion=0.0, challenger=0.0, blocks=False)
    before, after = float(champion[mask].mean()), float(challenger[mask].mean())
    blocks = rows >= rule.slice_min_rows and after - before > rule.slice_tolerance
    return SliceComparison(name=name, rows=rows, champion=before, challenger=after, blocks=blocks)
