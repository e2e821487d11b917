"""Null distributions of all statistics for a given window size, from resampling the reference.

A fixed threshold is right for at most one window size. "Wasserstein above 0.1 standard deviations"
raises false alarms on two of three unchanged windows of 200 rows, and "PSI above 0.2" misses a
shift of a quarter of a standard deviation in 1,000 rows. So we draw a reference and a window of
the actual sizes from the rows of the reference, with replacement, a thousand times, and compute
all statistics just as for a real window, including ties, missing values, small categories and
the dependence between columns. We resample both sides because the reference is a sample, too.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .baseline import MAX_SAMPLE, Baseline
from .frame import Floats, Frame
from .profiles import Profile, pooled_chi2
from .stats import shares
from .stats.null import NullDistribution

RESAMPLES = 1000
POOL_ROWS = 4096
"""Maximum number of reference rows to draw from; the sizes of the draws are the actual ones."""
CHUNK = 125
SIZE_DIGITS = 2
"""Window sizes are rounded down to this many digits, so that similar sizes share a calibration.
Smaller windows vary more, so this errs on the side of fewer alarms."""

VERSION = 1
"""Version of the cache format; files of another version are ignored."""

Samples = dict[tuple[str, str], Floats]
"""Resampled values by (statistic, column); the column is "" for the whole window. Shapes
(RESAMPLES,)."""
Resample = Callable[[Baseline, int, np.random.Generator], Samples]


@dataclass(frozen=True)
class Calibration:
    """Null distributions for windows of `rows` rows, by statistic and column."""

    rows: int
    nulls: dict[tuple[str, str], NullDistribution]

    def null(self, statistic: str, column: str = "") -> NullDistribution:
        """The null distribution of a statistic, for a column or for the whole window."""
        return self.nulls[statistic, column]


def calibrated_size(rows: int) -> int:
    """The window size to calibrate for."""
    step: int = 10 ** max(len(str(rows)) - SIZE_DIGITS, 0)
    return max(rows // step * step, 1)


@dataclass(frozen=True)
class Calibrator:
    """Calibrates a baseline for the window sizes that occur, each size once.

    Calibrations are stored in the folder `cache`, if given, and survive a restart.
    """

    baseline: Baseline
    seed: int = 0
    cache: Path | None = None
    _calibrations: dict[tuple[str, int], Calibration] = field(default_factory=dict, repr=False)

    def inputs(self, rows: int) -> Calibration:
        """The calibration for checking the inputs of windows of about `rows` rows."""
        return self._get("inputs", rows, _inputs)

    def labels(self, rows: int) -> Calibration:
        """The calibration for checking the labels of windows with about `rows` labels."""
        return self._get("labels", rows, _labels)

    def _get(self, stage: str, rows: int, resample: Resample) -> Calibration:
        size = calibrated_size(rows)
        if (stage, size) not in self._calibrations:
            self._calibrations[stage, size] = Calibration(
                size, _nulls(self._samples(stage, size, resample))
            )
        return self._calibrations[stage, size]

    def _samples(self, stage: str, size: int, resample: Resample) -> Samples:
        """Load resamples from the cache, or compute and cache them."""
        name = f"{self.baseline.digest}-{stage}-{size}-{self.seed}-v{VERSION}.npz"
        file = self.cache and self.cache / name
        if file and file.is_file():
            return _load(file)
        rng = np.random.default_rng([self.seed, size, len(stage)])
        samples = resample(self.baseline, size, rng)
        if file:
            _save(file, samples)
        return samples


def _inputs(baseline: Baseline, size: int, rng: np.random.Generator) -> Samples:
    pool = baseline.sample.take(_choose_rows(baseline.sample.rows, rng))
    columns = [_ColumnResampler.of(profile, pool) for profile in baseline.profiles]
    collector = _Collector()
    for draws in _Draws.chunks(pool.rows, baseline.rows, size, rng):
        for column in columns:
            for statistic, values in column.statistics(draws).items():
                collector.add(statistic, values, column.profile.column.name)
    embedded = baseline.embedding(pool)
    expected = baseline.losses.model.expected(pool) if baseline.losses else None
    # These two tests look at a sample of at most MAX_SAMPLE rows, and so must their resamples.
    sizes = min(baseline.rows, MAX_SAMPLE), min(size, MAX_SAMPLE)
    for draws in _Draws.chunks(pool.rows, *sizes, rng):
        collector.add("mmd", ((embedded.T @ draws.difference) ** 2).sum(axis=0))
        if expected is not None:
            collector.add("estimated", -expected @ draws.difference)
    return collector.samples()


def _labels(baseline: Baseline, size: int, rng: np.random.Generator) -> Samples:
    losses = baseline.losses
    if losses is None:
        return {}
    chosen = _choose_rows(losses.frame.rows, rng)
    loss, residual = losses.loss[chosen], losses.loss[chosen] - losses.expected[chosen]
    label = _ColumnResampler.of(
        losses.label, losses.frame.take(chosen).label_table(losses.label.column.kind)
    )
    collector = _Collector()
    for draws in _Draws.chunks(len(chosen), losses.frame.rows, size, rng):
        collector.add("loss", -loss @ draws.difference)
        collector.add("concept", np.abs(residual @ draws.difference))
        statistics = label.statistics(draws)
        shift = statistics["chi2"] if "chi2" in statistics else statistics["ks"]
        collector.add("label-shift", shift)
    return collector.samples()


class _Collector:
    """Collects the statistics of each chunk of draws."""

    def __init__(self) -> None:
        self._parts: dict[tuple[str, str], list[Floats]] = {}

    def add(self, statistic: str, values: Floats, column: str = "") -> None:
        self._parts.setdefault((statistic, column), []).append(values)

    def samples(self) -> Samples:
        return {key: np.concatenate(parts) for key, parts in self._parts.items()}


def _choose_rows(rows: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Choose the rows to draw from."""
    if rows <= POOL_ROWS:
        return np.arange(rows)
    return np.sort(rng.choice(rows, size=POOL_ROWS, replace=False))


@dataclass(frozen=True)
class _Draws:
    """How often each row was drawn into each reference and window. Shapes (pool, draws)."""

    reference: Floats
    window: Floats
    difference: Floats
    """Share in the reference minus share in the window."""

    @classmethod
    def chunks(
        cls, pool: int, reference: int, window: int, rng: np.random.Generator
    ) -> "Iterator[_Draws]":
        for _ in range(RESAMPLES // CHUNK):
            before, after = _counts(pool, reference, rng), _counts(pool, window, rng)
            yield cls(before, after, before / reference - after / window)


def _counts(pool: int, rows: int, rng: np.random.Generator) -> Floats:
    """How often each row of the pool occurs in CHUNK draws of `rows` rows. Shape (pool, CHUNK)."""
    if rows < 4 * pool:  # faster than `multinomial` below this size
        drawn = rng.integers(pool, size=(CHUNK, rows)) * CHUNK + np.arange(CHUNK)[:, np.newaxis]
        counts = np.bincount(drawn.ravel(), minlength=CHUNK * pool).reshape(pool, CHUNK)
    else:
        counts = rng.multinomial(rows, np.full(pool, 1 / pool), size=CHUNK).T
    return np.ascontiguousarray(counts, dtype=np.float64)


@dataclass(frozen=True)
class _ColumnResampler:
    """One column, prepared to compute the statistics of many draws at once."""

    profile: Profile
    groups: Floats
    """Membership of each row in each group, 0 or 1. Shape (groups, pool)."""
    order: NDArray[np.int64]
    """Numeric: rows sorted by value, without missing values."""
    ends: NDArray[np.int64]
    """Numeric: last position of each distinct value in `order`, except the largest."""
    gaps: Floats
    """Numeric: distance from each distinct value to the next."""

    @classmethod
    def of(cls, profile: Profile, pool: Frame) -> "_ColumnResampler":
        name = profile.column.name
        numeric = profile.column.kind == "numeric"
        values = pool.numbers(name) if numeric else pool.categories(name)
        groups = np.arange(len(profile.groups))[:, np.newaxis] == profile.group_of(values)
        order, ends, gaps = np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
        if numeric:
            numbers = pool.numbers(name)
            order = np.argsort(numbers, kind="stable")[: int(np.sum(~np.isnan(numbers)))]
            distinct, starts = np.unique(numbers[order], return_index=True)
            ends, gaps = starts[1:] - 1, np.diff(distinct)
        return cls(profile, groups.astype(np.float64), order, ends, gaps)

    def statistics(self, draws: _Draws) -> dict[str, Floats]:
        """All statistics of the draws, each of shape (draws,)."""
        before, after = (self.groups @ draws.reference).T, (self.groups @ draws.window).T
        statistics = {"psi": shares.psi(before, after), "js": shares.js(before, after)}
        if self.profile.column.kind == "categorical":
            return statistics | {"chi2": pooled_chi2(self.profile.counts, after, before)}
        if len(self.order) == len(draws.difference):
            difference = draws.difference[self.order]
        else:  # values are missing, so the totals of the draws vary
            difference = _shares(draws.reference[self.order]) - _shares(draws.window[self.order])
        difference = np.abs(np.cumsum(difference, axis=0)[self.ends])
        return statistics | {
            "ks": difference.max(axis=0, initial=0.0),
            "wasserstein": self.gaps @ difference,
        }


def _shares(counts: Floats) -> Floats:
    total = counts.sum(axis=0)
    found: Floats = np.divide(counts, total, out=np.zeros_like(counts), where=total > 0)
    return found


def _save(file: Path, samples: Samples) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(f".{os.getpid()}.part")
    with part.open("wb") as stream:
        names = np.array([list(key) for key in samples], dtype=str)
        np.savez(stream, names=names, samples=np.array(list(samples.values())))
    part.replace(file)  # atomic: readers never see a partial file


def _load(file: Path) -> Samples:
    with np.load(file, allow_pickle=False) as stored:
        names, samples = stored["names"], stored["samples"]
    return {(str(name), str(of)): each for (name, of), each in zip(names, samples, strict=True)}


def _nulls(samples: Samples) -> dict[tuple[str, str], NullDistribution]:
    return {key: NullDistribution.from_samples(values) for key, values in samples.items()}
