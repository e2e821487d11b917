"""Likely causes: columns and segments, ranked by their contribution.

For drift, contributions are parts of the Jensen-Shannon divergence in bits, which is additive over
the bins of a column. For a drop in performance, they are parts of the drop itself, which is
additive over the segments of any column.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from .frame import Floats, Frame, read_column
from .profiles import Measurement, Profile
from .records import Cause
from .stats import shares

MAX_CAUSES = 6
SEGMENTS_PER_COLUMN = 2
"""Maximum number of segments listed per column."""


def drift_causes(measured: Sequence[tuple[Profile, Measurement]]) -> tuple[Cause, ...]:
    """Causes of drift: the given (flagged) columns and the segments that grew most."""
    terms = [shares.js_terms(profile.counts, each.counts) for profile, each in measured]
    total = sum(float(each.sum()) for each in terms)
    if total <= 0:
        return ()
    causes = []
    for (profile, each), bits in sorted(
        zip(measured, terms, strict=True), key=lambda item: -float(item[1].sum())
    ):
        name, share = profile.column.name, float(bits.sum()) / total
        causes.append(Cause(name, "", share, f"{name}: {_size(profile, each)}"))
        before, now = shares.shares(profile.counts), shares.shares(each.counts)
        grown = [at for at in np.argsort(-bits).tolist() if now[at] > before[at]]
        causes += [
            Cause(
                name,
                profile.groups[at],
                float(bits[at]) / total,
                f"{name} {profile.groups[at]}: {now[at]:.1%} of rows, was {before[at]:.1%}",
            )
            for at in grown[:SEGMENTS_PER_COLUMN]
        ]
    return tuple(causes[: MAX_CAUSES * (SEGMENTS_PER_COLUMN + 1)])


def _size(profile: Profile, measured: Measurement) -> str:
    if profile.column.kind == "numeric":
        return f"shifted by {measured.effect:.2f} standard deviations"
    return f"{measured.effect:.1%} of rows changed category"


def performance_causes(
    profiles: Sequence[Profile],
    reference: tuple[Frame, Floats],
    window: tuple[Frame, Floats],
) -> tuple[Cause, ...]:
    """Causes of a higher loss: the segments of all columns that contribute most to it.

    Let p and q be a segment's shares in the reference and the window, l and k its mean losses, and
    L the mean loss of the reference. Then q k - p l - (q - p) L, summed over the segments of a
    column, is the rise of the mean loss. Contributions within two standard errors are ignored,
    so that small segments do not rank high by chance.

    Args:
        profiles: The columns to split into segments.
        reference: Rows of the reference, and the loss of each.
        window: Rows of the window, and the loss of each.
    """
    rise = float(np.mean(window[1]) - np.mean(reference[1]))
    if rise <= 0:
        return ()
    causes = []
    for profile in profiles:
        if profile.column.name in window[0].columns:
            causes += _segments(profile, reference, window, rise)
    ranked = sorted(causes, key=lambda cause: -cause.share)
    return tuple(ranked[:MAX_CAUSES])


def _segments(
    profile: Profile, reference: tuple[Frame, Floats], window: tuple[Frame, Floats], rise: float
) -> list[Cause]:
    before, loss_before = _by_group(profile, *reference)
    after, loss_after = _by_group(profile, *window)
    level = float(np.mean(reference[1]))
    excess = after * (loss_after - level) - before * (loss_before - level)
    spread = float(np.std(window[1]))
    noise = 2 * spread * np.sqrt(np.maximum(after, 1e-9) / window[0].rows)
    name = profile.column.name
    return [
        Cause(
            name,
            profile.groups[at],
            min(float(excess[at]) / rise, 1.0),
            f"{name} {profile.groups[at]}: mean loss {loss_after[at]:.3g} in {after[at]:.1%} of "
            f"rows, was {loss_before[at]:.3g} in {before[at]:.1%}",
        )
        for at in np.flatnonzero(excess > noise).tolist()
    ]


def _by_group(profile: Profile, frame: Frame, loss: Floats) -> tuple[Floats, Floats]:
    """The share of rows and the mean loss of each group. Shapes (groups,)."""
    group = profile.group_of(read_column(frame, profile.column))
    present = group >= 0
    size = len(profile.groups)
    rows = np.bincount(group[present], minlength=size).astype(np.float64)
    total = np.bincount(group[present], weights=loss[present], minlength=size)
    means = np.divide(total, rows, out=np.zeros(size), where=rows > 0)
    return rows / max(frame.rows, 1), means


def estimate_bias(
    profiles: Sequence[Profile],
    reference: tuple[Frame, Floats],
    window: Frame,
) -> Mapping[str, float]:
    """The bias of a performance estimate, by column, if segments keep their residuals.

    The residual of a row is its loss minus the expected loss. If a segment has a nonzero mean
    residual in the reference, a different share of rows in that segment biases the estimate for
    the whole window.

    Args:
        profiles: The columns to split into segments.
        reference: Labelled rows of the reference, and the residual of each.
        window: The rows of the window.
    """
    bias = {}
    for profile in profiles:
        if profile.column.name not in window.columns:
            continue
        before, residual = _by_group(profile, *reference)
        after, _ = _by_group(profile, window, np.zeros(window.rows))
        bias[profile.column.name] = float(((after - before) * residual).sum())
    return bias
