"""Is the challenger better than the champion, surely enough to take its place?

Both models predict the same held-out rows, so each row gives a pair of losses. The rows are
drawn again with replacement many times, and each time the mean of the differences is taken: a
paired bootstrap. Only if all but a share `1 - confidence` of these means lie above the margin
is the challenger promoted. What is difficult about a row is difficult for both models and
cancels in the pair, so the comparison needs far fewer rows than two separate ones would.
"""

from collections.abc import Mapping

import numpy as np

from .config import GateConfig
from .decision import Decision, SliceChange
from .evaluate import Floats, Mask

_BLOCK = 4_000_000
"""Draws at a time, to keep memory flat."""


def decide(
    champion: Floats, challenger: Floats, slices: Mapping[str, Mask], rule: GateConfig, seed: int
) -> Decision:
    """Compare two models on the same rows.

    Args:
        champion: Loss of the champion per row, shape (rows,).
        challenger: Loss of the challenger on the same rows.
        slices: Name -> which rows belong to the part.
        rule: Margin, confidence and tolerances.
        seed: Of the resampling, so that the same losses give the same decision.

    Raises:
        ValueError: There are no rows, or the two differ in length.
    """
    if champion.shape != challenger.shape or champion.ndim != 1 or not len(champion):
        raise ValueError(f"cannot compare losses of shapes {champion.shape}, {challenger.shape}")
    gains = champion - challenger
    means = resample(gains, rule.resamples, seed)
    lower, upper = np.quantile(means, [1 - rule.confidence, rule.confidence])
    parts = tuple(_part(name, mask, champion, challenger, rule) for name, mask in slices.items())
    against = [
        f"{part.name}: the loss rises from {part.champion:.4g} to {part.challenger:.4g}, "
        f"by more than {rule.slice_tolerance:g}"
        for part in parts
        if part.blocks
    ]
    if len(gains) < rule.min_rows:
        against.insert(0, f"{len(gains)} rows to compare on, at least {rule.min_rows} are needed")
    if lower <= rule.margin:
        against.insert(0, _unsure(float(lower), rule))
    return Decision(
        promote=not against,
        reasons=tuple(against) or (_sure(float(lower), rule),),
        rows=len(gains),
        champion=float(champion.mean()),
        challenger=float(challenger.mean()),
        improvement=float(gains.mean()),
        lower=float(lower),
        upper=float(upper),
        slices=parts,
    )


def resample(values: Floats, resamples: int, seed: int) -> Floats:
    """Draw `values` with replacement many times and give the mean of each draw.

    Returns:
        Shape (resamples,).
    """
    random = np.random.default_rng(seed)
    block = max(1, _BLOCK // len(values))
    means = [
        values[
            random.integers(len(values), size=(min(block, resamples - start), len(values)))
        ].mean(axis=1)
        for start in range(0, resamples, block)
    ]
    return np.concatenate(means)


def _sure(lower: float, rule: GateConfig) -> str:
    falls = f"the loss falls by at least {lower:.4g}, more than the {rule.margin:g} asked for"
    return f"with {rule.confidence:.0%} confidence {falls}"


def _unsure(lower: float, rule: GateConfig) -> str:
    if lower == 0:
        worst = "not fall at all"
    else:
        worst = f"fall by only {lower:.4g}" if lower > 0 else f"rise by {-lower:.4g}"
    return (
        f"with {rule.confidence:.0%} confidence the loss may {worst}: "
        f"it has to fall by more than {rule.margin:g}"
    )


def _part(
    name: str, mask: Mask, champion: Floats, challenger: Floats, rule: GateConfig
) -> SliceChange:
    rows = int(mask.sum())
    if not rows:
        return SliceChange(name=name, rows=0, champion=0.0, challenger=0.0, blocks=False)
    before, after = float(champion[mask].mean()), float(challenger[mask].mean())
    blocks = rows >= rule.slice_min_rows and after - before > rule.slice_tolerance
    return SliceChange(name=name, rows=rows, champion=before, challenger=after, blocks=blocks)
