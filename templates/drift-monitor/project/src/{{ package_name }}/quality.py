"""Data quality: missing values, new categories, numbers out of range, absent or unknown columns.

The p-value of a defect is the probability of at least as many rows in an unchanged window. It
follows from counts alone.
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
    """A quality problem in a column, before its p-value is corrected for multiple tests."""

    column: str
    problem: Problem
    rows: int
    share: float
    reference_share: float
    p_value: float
    examples: tuple[str, ...] = ()


def inspect(profiles: tuple[Profile, ...], frame: Frame) -> list[Defect]:
    """Find all defects of a window, including those that may be due to chance."""
    found = [Defect(name, "unknown", frame.rows, 1, 0, 0) for name in frame.unknown_features]
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
            counted = Counter(frame.categories(name).tolist())
            found += _missing(profile, counted.pop(None, 0), frame)
            found += _new_categories(profile, counted)
    return found


def _wrong_type(name: str, frame: Frame) -> list[Defect]:
    wrong = (frame.invalid_values or {}).get(name, ())
    if not wrong:
        return []
    return [Defect(name, "type", len(wrong), len(wrong) / frame.rows, 0, 0, _examples(wrong))]


def _missing(profile: Profile, missing: int, frame: Frame) -> list[Defect]:
    """Test for more missing values than in the reference; Fisher's exact test, one-sided."""
    missing -= len((frame.invalid_values or {}).get(profile.column.name, ()))
    if missing <= 0:
        return []
    from scipy.stats import hypergeom  # noqa: PLC0415 - slow to import

    total = profile.missing + missing
    p_value = float(hypergeom.sf(missing - 1, profile.rows + frame.rows, total, frame.rows))
    share, before = missing / frame.rows, profile.missing / profile.rows
    return [Defect(profile.column.name, "missing", missing, share, before, p_value)]


def _new_categories(profile: Profile, counted: Counter[str | None]) -> list[Defect]:
    """Test for more new categories than expected.

    If many categories occur only once in the reference, there are others that it does not contain.
    The probability that the next row has a new category is about the share of rows with such a
    singleton (Good-Turing; one more is added to be conservative).
    """
    new = {name: count for name, count in counted.items() if name not in profile.known_categories}
    rows, total = sum(new.values()), sum(counted.values())
    if not rows:
        return []
    from scipy.stats import binom  # noqa: PLC0415 - slow to import

    unseen = min((profile.singletons + 1) / max(profile.rows - profile.missing, 1), 1)
    p_value = float(binom.sf(rows - 1, total, unseen))
    common = sorted(new, key=lambda name: -new[name])
    return [
        Defect(
            profile.column.name,
            "new-category",
            rows,
            rows / total,
            0,
            p_value,
            _examples([str(name) for name in common]),
        )
    ]


def out_of_range(profile: Profile, values: np.ndarray) -> list[Defect]:
    """Test for numbers below the minimum or above the maximum of the reference.

    If nothing has changed, all orders of the m + n values are equally likely. So, whatever the
    distribution, all of the u largest values belong to the window with probability
    n! (m + n - u)! / ((n - u)! (m + n)!) (Hájek and Šidák, 1967). Both sides are tested, hence the
    factor of two.
    """
    values = values[~np.isnan(values)]
    reference_rows = profile.rows - profile.missing
    if not len(values) or not reference_rows:
        return []
    outside = (values[values < profile.low], values[values > profile.high])
    rows = sum(map(len, outside))
    if not rows:
        return []
    tails = (_extremes_probability(len(side), len(values), reference_rows) for side in outside)
    p_value = min(1.0, 2 * min(tails))
    worst = [*np.sort(outside[0])[:EXAMPLES].tolist(), *np.sort(outside[1])[::-1].tolist()]
    return [
        Defect(
            profile.column.name,
            "range",
            rows,
            rows / len(values),
            0,
            p_value,
            _examples([f"{value:.6g}" for value in worst]),
        )
    ]


def _extremes_probability(extreme: int, window: int, reference: int) -> float:
    """The probability that the `extreme` largest of all values belong to the window."""
    log = math.lgamma
    total = window + reference
    return math.exp(
        log(window + 1) + log(total - extreme + 1) - log(window - extreme + 1) - log(total + 1)
    )


def _examples(values: list[str] | tuple[str, ...]) -> tuple[str, ...]:
    return tuple(value[:80] for value in dict.fromkeys(values))[:EXAMPLES]
