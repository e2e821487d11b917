"""The verdict on a window: every test of it, with one error rate for all of them together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np

from . import explain, multivariate, performance, quality
from .baseline import SAMPLE, Baseline, Losses, sample_rows
from .calibration import Calibration
from .frame import LABEL, Floats, Frame, Table, gather
from .profiles import Measured, Profile, measure_numbers, measure_texts
from .records import (
    SEVERITIES,
    Check,
    ColumnCheck,
    Kind,
    Performance,
    QualityFinding,
    Severity,
    Statistic,
    StatisticName,
    Task,
    Window,
    WindowResult,
)
from .stats.null import Null, benjamini_hochberg
from .stats.numeric import ks_and_wasserstein, sorted_values
from .stats.shares import fisher

DECIDES: dict[Kind, tuple[StatisticName, ...]] = {
    "numeric": ("ks", "wasserstein"),
    "categorical": ("chi2",),
}
"""What makes a column drift: KS sees any change of shape, Wasserstein sees means and tails."""
LABELS_SHARE = 1 / 3
"""Of the false alarms allowed to a window, what goes to the second check, of its labels."""
NAMED = 3
"""Columns named in a summary."""
MISFIT = {"accuracy": 0.01, "mae": 0.1}
"""An estimate that may be off by more is not to be trusted (of MAE: as a share of it)."""


MIN_LIKE = 100
"""Rows of the reference that must look like a moved window, in effect, to estimate from them."""


@dataclass(frozen=True)
class Policy:
    """When a difference counts; see the settings of the same names."""

    false_alarms: float = 0.02
    min_effect: float = 0.02
    seed: int = 0


def check_inputs(
    baseline: Baseline,
    calibration: Calibration,
    table: Table,
    window: Window,
    policy: Policy,
) -> WindowResult:
    """The first check, for which no label is needed.

    Args:
        baseline: What is normal.
        calibration: Of `calibration.for_inputs`, for windows of this size.
        table: The rows of the window.
        window: Which window it is.
        policy: When a difference counts.
    """
    sample = gather(table, baseline.schema, sample_rows(table.rows, SAMPLE, policy.seed))
    measured = [
        (profile, _measure(baseline, profile, table))
        for profile in baseline.profiles
        if profile.column.name in table.kinds
    ]
    whole = table if isinstance(table, Frame) else sample
    defects = quality.inspect(baseline.profiles, whole)
    embedded = baseline.embedding(sample)
    distance = float(((embedded.mean(axis=0) - baseline.embedded.mean(axis=0)) ** 2).sum())

    chances = [_column_chance(calibration, profile, each) for profile, each in measured]
    chances += [defect.p_value for defect in defects]
    chances.append(calibration.null("mmd").p_value(distance))
    known = baseline.losses
    level = policy.false_alarms * (1 - LABELS_SHARE if known else 1)
    estimate = None
    if known:
        moved = min(chances) <= level / len(chances)
        estimate = _estimate(baseline, known, sample, embedded if moved else None)
        chances.append(calibration.null("estimated").p_value(estimate.drop))
    verdicts = iter(_judge(chances, level))
    alone = level / len(chances)

    columns = tuple(
        _column_check(calibration, item, next(verdicts), alone, policy.min_effect)
        for item in measured
    )
    findings = tuple(
        QualityFinding(**defect.__dict__, **_short(next(verdicts))) for defect in defects
    )
    mmd = _check("mmd", distance, calibration.null("mmd"), next(verdicts), alone)
    if estimate:
        estimate = _judged(estimate, calibration.null("estimated"), next(verdicts), alone)
    # What the model says follows from its inputs: it is a cause only if none of them has moved.
    flagged = [check for check in columns if check.flagged]
    inputs = [check for check in flagged if check.role == "feature"]
    named = {check.column for check in inputs or flagged}
    causes = explain.drift([item for item in measured if item[0].column.name in named])
    result = WindowResult(
        window=window,
        stage="inputs",
        checked_at=datetime.now(UTC),
        drifted=False,
        severity="info",
        summary="",
        columns=columns,
        multivariate=mmd,
        quality=findings,
        estimated=estimate,
        causes=causes,
    )
    return _concluded(result)


def check_columns(
    calibration: Calibration, measured: Sequence[tuple[Profile, Measured]], policy: Policy
) -> tuple[ColumnCheck, ...]:
    """The columns alone, wherever they were measured; false alarms are all theirs."""
    chances = [_column_chance(calibration, profile, each) for profile, each in measured]
    alone = policy.false_alarms / max(len(chances), 1)
    verdicts = _judge(chances, policy.false_alarms)
    return tuple(
        _column_check(calibration, item, verdict, alone, policy.min_effect)
        for item, verdict in zip(measured, verdicts, strict=True)
    )


def check_labels(
    baseline: Baseline,
    calibration: Calibration,
    frame: Frame,
    window: Window,
    policy: Policy,
) -> WindowResult:
    """The second check, of the rows of a window whose labels are known.

    Raises:
        ValueError: The reference has no labels, or the window has none.
    """
    known = baseline.losses
    loss = performance.losses(baseline.schema, frame)
    rows = np.flatnonzero(~np.isnan(loss))
    if known is None or not len(rows):
        raise ValueError("the second check needs labels, in the reference and in the window")
    frame, loss = frame.take(rows), loss[rows]
    realised = _performance(
        baseline.schema.task,
        known.loss,
        loss,
        float(np.std(loss, ddof=1)) if len(loss) > 1 else 0.0,
    )
    surprise = float(np.mean(loss - known.model.expected(frame)))
    surprise -= float(np.mean(known.loss - known.expected))
    shift = _label_shift(known, frame, baseline)
    values = (realised.drop, abs(surprise), shift)
    nulls = [calibration.null(name) for name in ("loss", "concept", "label-shift")]
    chances = [null.p_value(value) for null, value in zip(nulls, values, strict=True)]
    level = policy.false_alarms * LABELS_SHARE
    verdicts, alone = iter(_judge(chances, level)), level / len(chances)
    realised = _judged(realised, nulls[0], next(verdicts), alone)
    concept = _check("concept", abs(surprise), nulls[1], next(verdicts), alone)
    label = _check("label-shift", shift, nulls[2], next(verdicts), alone)
    causes = (
        explain.drop(baseline.feature_profiles, (known.frame, known.loss), (frame, loss))
        if realised.flagged or concept.flagged
        else ()
    )
    result = WindowResult(
        window=window,
        stage="labels",
        checked_at=datetime.now(UTC),
        drifted=False,
        severity="info",
        summary="",
        realised=realised,
        concept=concept,
        label_shift=label,
        causes=causes,
    )
    return _concluded(result)


@dataclass(frozen=True)
class _Verdict:
    p_value: float
    adjusted_p: float
    flagged: bool


def _judge(chances: Sequence[float], level: float) -> list[_Verdict]:
    """Benjamini-Hochberg over all tests of a check.

    When nothing has changed, the chance that any is flagged is at most `level`.
    """
    raw = np.asarray(chances, dtype=np.float64)
    pairs = zip(raw.tolist(), benjamini_hochberg(raw).tolist(), strict=True)
    return [_Verdict(chance, adjusted, adjusted <= level) for chance, adjusted in pairs]


def _short(verdict: _Verdict) -> dict[str, Any]:
    return {"adjusted_p": verdict.adjusted_p, "flagged": verdict.flagged}


def _measure(baseline: Baseline, profile: Profile, table: Table) -> Measured:
    name = profile.column.name
    if profile.column.kind == "categorical":
        return measure_texts(profile, table.texts(name))
    return measure_numbers(profile, baseline.ordered(name), sorted_values(table.numbers(name)))


def _column_chance(calibration: Calibration, profile: Profile, measured: Measured) -> float:
    """One chance for the statistics that decide: the least, times how many were asked."""
    names = DECIDES[profile.column.kind]
    rows = int(measured.counts.sum())
    if not rows:
        return 1.0  # nothing is there, which quality says
    if profile.usual is not None:
        # A handful of other values in a sea of equal ones: what counts is how many there are.
        before = int(profile.counts.sum())
        return fisher(before - profile.usual_rows, before, rows - measured.usual_rows, rows)
    chances = [
        calibration.null(name, profile.column.name).p_value(measured.statistics[name])
        for name in names
    ]
    return min(1.0, len(names) * min(chances))


def _column_check(
    calibration: Calibration,
    item: tuple[Profile, Measured],
    verdict: _Verdict,
    alone: float,
    min_effect: float,
) -> ColumnCheck:
    profile, measured = item
    column = profile.column
    level = alone / len(DECIDES[column.kind])
    nulls = {name: calibration.null(name, column.name) for name in measured.statistics}
    return ColumnCheck(
        column=column.name,
        kind=column.kind,
        role=column.role,
        rows=int(measured.counts.sum()),
        statistics=tuple(
            Statistic(name, value, nulls[name].threshold(level), nulls[name].p_value(value))
            for name, value in measured.statistics.items()
        ),
        p_value=verdict.p_value,
        adjusted_p=verdict.adjusted_p,
        flagged=verdict.flagged and measured.effect >= min_effect,
        effect=measured.effect,
        histogram=measured.histogram,
    )


def _check(
    name: Literal["mmd", "concept", "label-shift"],
    value: float,
    null: Null,
    verdict: _Verdict,
    alone: float,
) -> Check:
    return Check(
        name=name,
        value=value,
        threshold=null.threshold(alone),
        p_value=verdict.p_value,
        adjusted_p=verdict.adjusted_p,
        flagged=verdict.flagged,
    )


def _performance(task: Task, before: Floats, now: Floats, spread: float) -> Performance:
    """Performance from losses (measured or expected), not yet judged.

    Args:
        task: What the model predicts.
        before: Losses of the reference.
        now: Losses of the window.
        spread: Standard deviation of a single loss.
    """
    margin = 1.96 * spread / np.sqrt(len(now))
    level, mean = float(np.mean(before)), float(np.mean(now))
    low, high = max(mean - margin, 0.0), mean + margin
    if task == "classification":
        level, mean, low, high = 1 - level, 1 - mean, max(1 - high, 0.0), 1 - low
    return Performance(
        metric="accuracy" if task == "classification" else "mae",
        value=mean,
        low=float(low),
        high=float(high),
        reference=level,
        threshold=level,
        rows=len(now),
        p_value=1,
        adjusted_p=1,
        flagged=False,
    )


def _judged(estimate: Performance, null: Null, verdict: _Verdict, alone: float) -> Performance:
    most = null.threshold(alone)
    worst = estimate.reference + (-most if estimate.metric == "accuracy" else most)
    return replace(
        estimate,
        threshold=worst,
        p_value=verdict.p_value,
        adjusted_p=verdict.adjusted_p,
        flagged=verdict.flagged,
    )


def _estimate(
    baseline: Baseline, known: Losses, sample: Frame, moved: Floats | None
) -> Performance:
    """Estimated performance of a window, with what speaks against it.

    If the inputs have moved, rows of the reference count as much as they look like the window,
    of which `moved` is the embedding.
    """
    task, model, warnings = baseline.schema.task, known.model, []
    if moved is not None and task == "classification":
        weights = multivariate.weights(baseline.embedding(known.frame), moved)
        model = model.adapted(known.frame, known.loss, weights)
        if weights.sum() ** 2 / (weights**2).sum() < MIN_LIKE:
            warnings.append("Hardly any rows of the reference look like these, so this is a guess.")
    expected = model.expected(sample)
    chance = float(np.mean(expected))
    spread = float(np.std(known.loss)) if task == "regression" else (chance * (1 - chance)) ** 0.5
    estimate = _performance(task, known.expected, expected, spread)
    off = explain.misfit(
        baseline.feature_profiles, (known.frame, known.loss - known.expected), sample
    )
    column, most = max(off.items(), key=lambda item: abs(item[1]), default=("", 0.0))
    allowed = MISFIT[estimate.metric] * (1 if task == "classification" else estimate.reference)
    if abs(most) > allowed:
        warnings.append(
            f"The model's errors depend on {column} in a way that its own output does not show, "
            f"and {column} has moved: the estimate may be far off."
        )
    return replace(estimate, warnings=tuple(warnings))


def _label_shift(known: Losses, frame: Frame, baseline: Baseline) -> float:
    """How far the labels themselves have moved: chi-square, or KS's D."""
    kind = baseline.schema.label_kind
    before, after = (each.label_table(kind) for each in (known.frame, frame))
    if kind == "categorical":
        return measure_texts(known.label, after.texts(LABEL)).statistics["chi2"]
    ordered = (sorted_values(each.numbers(LABEL)) for each in (before, after))
    return ks_and_wasserstein(*ordered)[0]


def _concluded(result: WindowResult) -> WindowResult:
    """The result with its verdict, severity and summary."""
    found = _findings(result)
    severity: Severity = max((each for each, _ in found), key=SEVERITIES.index, default="info")
    summary = "; ".join(text for _, text in found) or "nothing unusual"
    return replace(result, drifted=bool(found), severity=severity, summary=summary)


def _findings(result: WindowResult) -> list[tuple[Severity, str]]:
    """All that is flagged, the most severe first, in words."""
    found: list[tuple[Severity, str]] = []
    realised, estimated = result.realised, result.estimated
    if realised and realised.flagged:
        found.append(("critical", f"{_change(realised)} ({realised.rows} labels)"))
    if result.concept and result.concept.flagged:
        found.append(("critical", "the inputs do not explain the errors: the concept has changed"))
    broken = [each for each in result.quality if each.flagged]
    if broken:
        severe = any(each.problem in {"absent", "type"} for each in broken)
        names = ", ".join(f"{each.column} ({each.problem})" for each in broken[:NAMED])
        found.append(("critical" if severe else "warning", f"data quality: {names}"))
    if estimated and estimated.flagged:
        found.append(("warning", f"estimated {_change(estimated)}"))
    if columns := result.flagged_columns:
        names = ", ".join(check.column for check in columns[:NAMED])
        more = f" and {len(columns) - NAMED} more" if len(columns) > NAMED else ""
        found.append(("warning", f"drift in {names}{more}"))
    if result.multivariate and result.multivariate.flagged and not columns:
        found.append(("warning", "columns relate to each other in a new way"))
    if result.label_shift and result.label_shift.flagged:
        found.append(("warning", "the labels are distributed in a new way"))
    return found


def _change(performance: Performance) -> str:
    name = performance.metric if performance.metric == "accuracy" else "mean absolute error"
    return f"{name} {performance.value:.3g}, was {performance.reference:.3g}"
