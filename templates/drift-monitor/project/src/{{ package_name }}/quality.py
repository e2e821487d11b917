"""Is the data sound? Missing values, new categories, numbers out of range, columns gone or new.

Each finding has the chance of as many rows or more in an unchanged window, from counts alone.
"""

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np

from .frame import Frame
from .profiles import Profile
from .records import Problem

EXAMPLES = 5


@dataclass(frozen=True)
class Defect:
    """Rows of a column that are not as they should be, before it is known what else was found."""

    column: str
    problem: Problem
    rows: int
    share: float
    reference_share: float
    p_value: float
    examples: tuple[str, ...] = ()


def inspect(profiles: tuple[Profile, ...], frame: Frame) -> list[Defect]:
    """All defects of a window, also those that may well be chance."""
    found = [Defect(name, "unknown", frame.rows, 1, 0, 0) for name in frame.unknown]
    for profile in profiles:
        name = profile.column.name
        if name not in frame.columns:
            found.append(Defect(name, "absent", frame.rows, 1, 0, 0))
            continue
        found += _wrong_type(name, frame)
        if profile.column.kind == "numeric":
            values = frame.numbers(name)
            found += _missing(profile, int(np.isnan(values).sum()), frame)
            found += out_of_range(profile, values)
        else:
            counted = Counter(frame.texts(name).tolist())
            found += _missing(profile, counted.pop(None, 0), frame)
            found += _new_categories(profile, counted)
    return found


def _wrong_type(name: str, frame: Frame) -> list[Defect]:
    wrong = (frame.misfits or {}).get(name, ())
    if not wrong:
        return []
    return [Defect(name, "type", len(wrong), len(wrong) / frame.rows, 0, 0, _examples(wrong))]


def _missing(profile: Profile, missing: int, frame: Frame) -> list[Defect]:
    """More missing values than before; Fisher's exact test, one-sided."""
    missing -= len((frame.misfits or {}).get(profile.column.name, ()))
    if missing <= 0:
        return []
    from scipy.stats import hypergeom  # noqa: PLC0415 - slow to import

    total = profile.missing + missing
    chance = float(hypergeom.sf(missing - 1, profile.rows + frame.rows, total, frame.rows))
    share, before = missing / frame.rows, profile.missing / profile.rows
    return [Defect(profile.column.name, "missing", missing, share, before, chance)]


def _new_categories(profile: Profile, counted: Counter[str | None]) -> list[Defect]:
    """Categories that the reference does not know, where few are expected.

    A reference with many categories that it saw once has not seen them all: the chance that the
    next row has a new one is about the share of those (Good and Turing; one more to be safe).
    """
    new = {name: count for name, count in counted.items() if name not in profile.known}
    rows, total = sum(new.values()), sum(counted.values())
    if not rows:
        return []
    from scipy.stats import binom  # noqa: PLC0415 - slow to import

    unseen = min((profile.once + 1) / max(profile.rows - profile.missing, 1), 1)
    chance = float(binom.sf(rows - 1, total, unseen))
    common = sorted(new, key=lambda name: -new[name])
    return [
        Defect(
            profile.column.name,
            "new-category",
            rows,
            rows / total,
            0,
            chance,
            _examples([str(name) for name in common]),
        )
    ]


def out_of_range(profile: Profile, values: np.ndarray) -> list[Defect]:
    """Numbers below the least or above the largest of the reference.

    If nothing has changed, all orders of the m + n values are equally likely, so the u largest are
    all of the window with probability n! (m + n - u)! / ((n - u)! (m + n)!), whatever the
    distribution (Hájek and Šidák, 1967). Both sides are tried, hence the factor of two.
    """
    values = values[~np.isnan(values)]
    known = profile.rows - profile.missing
    if not len(values) or not known:
        return []
    outside = (values[values < profile.low], values[values > profile.high])
    rows = sum(map(len, outside))
    if not rows:
        return []
    chance = min(1.0, 2 * min(_all_of_window(len(side), len(values), known) for side in outside))
    worst = [*np.sort(outside[0])[:EXAMPLES].tolist(), *np.sort(outside[1])[::-1].tolist()]
    return [
        Defect(
            profile.column.name,
            "range",
            rows,
            rows / len(values),
            0,
            chance,
            _examples([f"{value:.6g}" for value in worst]),
        )
    ]


def _all_of_window(extreme: int, window: int, reference: int) -> float:
    log = math.lgamma
    total = window + reference
    return math.exp(
        log(window + 1) + log(total - extreme + 1) - log(window - extreme + 1) - log(total + 1)
    )


def _examples(values: list[str] | tuple[str, ...]) -> tuple[str, ...]:
    return tuple(value[:80] for value in dict.fromkeys(values))[:EXAMPLES]
