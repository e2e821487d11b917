"""Where it comes from: columns and segments, ranked by what they contribute.

Of drift, what is shared out is the Jensen-Shannon divergence in bits, which adds up over the bins
of a column. Of a drop in performance, it is the drop itself, which adds up over the segments of
any column.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from .frame import Floats, Frame, read
from .profiles import Measured, Profile
from .records import Cause
from .stats import shares

MOST = 6
SEGMENTS = 2
"""Segments named for each column."""


def drift(measured: Sequence[tuple[Profile, Measured]]) -> tuple[Cause, ...]:
    """Causes of drift: the given (flagged) columns and their most changed segments."""
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
            for at in grown[:SEGMENTS]
        ]
    return tuple(causes[: MOST * (SEGMENTS + 1)])


def _size(profile: Profile, measured: Measured) -> str:
    if profile.column.kind == "numeric":
        return f"moved by {measured.effect:.2f} standard deviations"
    return f"{measured.effect:.1%} of rows changed category"


def drop(
    profiles: Sequence[Profile],
    reference: tuple[Frame, Floats],
    window: tuple[Frame, Floats],
) -> tuple[Cause, ...]:
    """Causes of a higher loss: the segments that add most to it, of all columns.

    With shares p, q and mean losses l, k of a segment before and now, and L the mean loss before,
    q k - p l - (q - p) L adds up over the segments of a column to what the mean loss has risen.
    What chance alone would give (two standard errors) is taken off, so that small segments do
    not win by luck.

    Args:
        profiles: Of the columns to cut into segments.
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
    return tuple(ranked[:MOST])


def _segments(
    profile: Profile, reference: tuple[Frame, Floats], window: tuple[Frame, Floats], rise: float
) -> list[Cause]:
    before, then = _by_group(profile, *reference)
    after, now = _by_group(profile, *window)
    level = float(np.mean(reference[1]))
    excess = after * (now - level) - before * (then - level)
    spread = float(np.std(window[1]))
    noise = 2 * spread * np.sqrt(np.maximum(after, 1e-9) / window[0].rows)
    name = profile.column.name
    return [
        Cause(
            name,
            profile.groups[at],
            min(float(excess[at]) / rise, 1.0),
            f"{name} {profile.groups[at]}: mean loss {now[at]:.3g} in {after[at]:.1%} of rows, "
            f"was {then[at]:.3g} in {before[at]:.1%}",
        )
        for at in np.flatnonzero(excess > noise).tolist()
    ]


def _by_group(profile: Profile, frame: Frame, loss: Floats) -> tuple[Floats, Floats]:
    """Share of rows and mean loss of each group. Shapes (groups,)."""
    group = profile.group_of(read(frame, profile.column))
    there = group >= 0
    size = len(profile.groups)
    rows = np.bincount(group[there], minlength=size).astype(np.float64)
    total = np.bincount(group[there], weights=loss[there], minlength=size)
    means = np.divide(total, rows, out=np.zeros(size), where=rows > 0)
    return rows / max(frame.rows, 1), means


def misfit(
    profiles: Sequence[Profile],
    reference: tuple[Frame, Floats],
    window: Frame,
) -> Mapping[str, float]:
    """How far an estimate would be off, column by column, if segments kept their own surprises.

    The surprise of a row is its loss less what was expected. Where a segment of the reference had
    one, more rows in that segment now mean that the estimate of the whole is off by as much.

    Args:
        profiles: Of the columns to cut into segments.
        reference: Labelled rows of the reference, and the surprise of each.
        window: The rows of the window.
    """
    off = {}
    for profile in profiles:
        if profile.column.name not in window.columns:
            continue
        before, surprise = _by_group(profile, *reference)
        after, _ = _by_group(profile, window, np.zeros(window.rows))
        off[profile.column.name] = float(((after - before) * surprise).sum())
    return off
