"""What every statistic does on unchanged windows of a given size, from resampling the reference.

A fixed threshold is wrong at every size but one: "Wasserstein above 0.1 standard deviations" cries
wolf on two of three unchanged windows of 200 rows, and "PSI above 0.2" sleeps through a shift of a
quarter of a standard deviation at 1,000. So, a thousand times, a reference of the same size and a
window of the same size are drawn from the reference's rows, with replacement, and all statistics
are computed as they will be for a window that comes in: ties, missing values, small categories
and the dependence between columns included. Both are drawn, since the reference is a sample, too.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .baseline import SAMPLE, Baseline
from .frame import Floats, Frame
from .profiles import Profile, pooled_chi2
from .stats import shares
from .stats.null import Null

RESAMPLES = 1000
ATOMS = 4096
"""Rows of the reference that resamples are drawn from; the sizes drawn are the true ones."""
CHUNK = 125
DIGITS = 2
"""Window sizes are rounded down to so many digits: nearly the same size, and one calibration.
A smaller window varies more, so this errs on the quiet side."""

VERSION = 1
"""Of what is cached; another one is calibrated anew."""

Samples = dict[tuple[str, str], Floats]
"""Resamples of each statistic of each column (or of none, ""). Shapes (RESAMPLES,)."""
Resample = Callable[[Baseline, int, np.random.Generator], Samples]


@dataclass(frozen=True)
class Calibration:
    """Null distributions for windows of `rows` rows, by the name of statistic and column."""

    rows: int
    nulls: dict[tuple[str, str], Null]

    def null(self, statistic: str, column: str = "") -> Null:
        """The null distribution of a statistic, of a column or of the window as a whole."""
        return self.nulls[statistic, column]


def calibrated_size(rows: int) -> int:
    """The size to calibrate for."""
    step: int = 10 ** max(len(str(rows)) - DIGITS, 0)
    return max(rows // step * step, 1)


@dataclass(frozen=True)
class Calibrator:
    """Calibrates a baseline for the window sizes that come, each once.

    `cache` is a folder in which calibrations outlive the process.
    """

    baseline: Baseline
    seed: int = 0
    cache: Path | None = None
    _known: dict[tuple[str, int], Calibration] = field(default_factory=dict, repr=False)

    def inputs(self, rows: int) -> Calibration:
        """For the first check of windows of about `rows` rows."""
        return self._get("inputs", rows, _inputs)

    def labels(self, rows: int) -> Calibration:
        """For the second check of windows with about `rows` labels."""
        return self._get("labels", rows, _labels)

    def _get(self, stage: str, rows: int, resample: Resample) -> Calibration:
        size = calibrated_size(rows)
        if (stage, size) not in self._known:
            self._known[stage, size] = Calibration(
                size, _nulls(self._samples(stage, size, resample))
            )
        return self._known[stage, size]

    def _samples(self, stage: str, size: int, resample: Resample) -> Samples:
        """From the cache, or made and put there (in one step, as others may read)."""
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
    atoms = baseline.sample.take(_choose(baseline.sample.rows, rng))
    columns = [_Resampled.of(profile, atoms) for profile in baseline.profiles]
    found = _Found()
    for draws in _Draws.some(atoms.rows, baseline.rows, size, rng):
        for column in columns:
            for statistic, values in column.statistics(draws).items():
                found.add(statistic, values, column.profile.column.name)
    embedded = baseline.embedding(atoms)
    expected = baseline.losses.model.expected(atoms) if baseline.losses else None
    for draws in _Draws.some(atoms.rows, min(baseline.rows, SAMPLE), min(size, SAMPLE), rng):
        found.add("mmd", ((embedded.T @ draws.difference) ** 2).sum(axis=0))
        if expected is not None:
            found.add("estimated", -expected @ draws.difference)
    return found.samples()


def _labels(baseline: Baseline, size: int, rng: np.random.Generator) -> Samples:
    known = baseline.losses
    if known is None:
        return {}
    chosen = _choose(known.frame.rows, rng)
    loss, surprise = known.loss[chosen], known.loss[chosen] - known.expected[chosen]
    label = _Resampled.of(
        known.label, known.frame.take(chosen).label_table(known.label.column.kind)
    )
    found = _Found()
    for draws in _Draws.some(len(chosen), known.frame.rows, size, rng):
        found.add("loss", -loss @ draws.difference)
        found.add("concept", np.abs(surprise @ draws.difference))
        statistics = label.statistics(draws)
        shift = statistics["chi2"] if "chi2" in statistics else statistics["ks"]
        found.add("label-shift", shift)
    return found.samples()


class _Found:
    """Collects what each chunk of draws gave."""

    def __init__(self) -> None:
        self._parts: dict[tuple[str, str], list[Floats]] = {}

    def add(self, statistic: str, values: Floats, column: str = "") -> None:
        self._parts.setdefault((statistic, column), []).append(values)

    def samples(self) -> Samples:
        return {key: np.concatenate(parts) for key, parts in self._parts.items()}


def _choose(rows: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Which rows to draw from."""
    if rows <= ATOMS:
        return np.arange(rows)
    return np.sort(rng.choice(rows, size=ATOMS, replace=False))


@dataclass(frozen=True)
class _Draws:
    """How often each row was drawn into references and into windows. Shapes (atoms, draws)."""

    reference: Floats
    window: Floats
    difference: Floats
    """Of the shares, reference less window."""

    @classmethod
    def some(
        cls, atoms: int, reference: int, window: int, rng: np.random.Generator
    ) -> "Iterator[_Draws]":
        for _ in range(RESAMPLES // CHUNK):
            before, after = _counts(atoms, reference, rng), _counts(atoms, window, rng)
            yield cls(before, after, before / reference - after / window)


def _counts(atoms: int, rows: int, rng: np.random.Generator) -> Floats:
    """How often each of the atoms is among so many rows, many times over. Shape (atoms, CHUNK)."""
    if rows < 4 * atoms:  # then this is quicker
        drawn = rng.integers(atoms, size=(CHUNK, rows)) * CHUNK + np.arange(CHUNK)[:, np.newaxis]
        counts = np.bincount(drawn.ravel(), minlength=CHUNK * atoms).reshape(atoms, CHUNK)
    else:
        counts = rng.multinomial(rows, np.full(atoms, 1 / atoms), size=CHUNK).T
    return np.ascontiguousarray(counts, dtype=np.float64)


@dataclass(frozen=True)
class _Resampled:
    """The rows of one column, arranged so that statistics of many draws come out at once."""

    profile: Profile
    groups: Floats
    """Which group each row is in. Shape (groups, atoms)."""
    order: NDArray[np.int64]
    """Numeric: rows in order of their values, without missing ones."""
    ends: NDArray[np.int64]
    """Numeric: where in `order` each distinct value ends, but for the last one."""
    gaps: Floats
    """Numeric: from each distinct value to the next."""

    @classmethod
    def of(cls, profile: Profile, atoms: Frame) -> "_Resampled":
        name = profile.column.name
        numeric = profile.column.kind == "numeric"
        values = atoms.numbers(name) if numeric else atoms.texts(name)
        groups = np.arange(len(profile.groups))[:, np.newaxis] == profile.group_of(values)
        order, ends, gaps = np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
        if numeric:
            numbers = atoms.numbers(name)
            order = np.argsort(numbers, kind="stable")[: int(np.sum(~np.isnan(numbers)))]
            distinct, starts = np.unique(numbers[order], return_index=True)
            ends, gaps = starts[1:] - 1, np.diff(distinct)
        return cls(profile, groups.astype(np.float64), order, ends, gaps)

    def statistics(self, draws: _Draws) -> dict[str, Floats]:
        """All statistics of the draws, each of shape (draws,)."""
        before, after = (self.groups @ draws.reference).T, (self.groups @ draws.window).T
        found = {"psi": shares.psi(before, after), "js": shares.js(before, after)}
        if self.profile.column.kind == "categorical":
            return found | {"chi2": pooled_chi2(self.profile.counts, after, before)}
        if len(self.order) == len(draws.difference):
            difference = draws.difference[self.order]
        else:  # values are missing, so the totals vary
            difference = _shares(draws.reference[self.order]) - _shares(draws.window[self.order])
        difference = np.abs(np.cumsum(difference, axis=0)[self.ends])
        return found | {
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
    part.replace(file)


def _load(file: Path) -> Samples:
    with np.load(file, allow_pickle=False) as stored:
        names, samples = stored["names"], stored["samples"]
    return {(str(name), str(of)): each for (name, of), each in zip(names, samples, strict=True)}


def _nulls(samples: Samples) -> dict[tuple[str, str], Null]:
    return {key: Null.of(values) for key, values in samples.items()}
