"""Checks a window: runs all tests on it and controls their error rate together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np

from . import explain, multivariate, performance, quality
from .baseline import MAX_SAMPLE, Baseline, Losses, sample_rows
from .calibration import Calibration
from .frame import LABEL, Floats, Frame, Table, gather
from .profiles import Measurement, Profile, measure_categories, measure_numbers
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
from .stats.null import NullDistribution, benjamini_hochberg
from .stats.numeric import ks_and_wasserstein, sorted_values
from .stats.shares import fisher

DECIDING_STATISTICS: dict[Kind, tuple[StatisticName, ...]] = {
    "numeric": ("ks", "wasserstein"),
    "categorical": ("chi2",),
}
"""The statistics that decide if a column drifted. KS detects any change of shape, Wasserstein
changes of the mean and the tails."""
LABELS_BUDGET_SHARE = 1 / 3
"""The part of a window's false-alarm budget that is reserved for the check of its labels."""
MAX_NAMED_COLUMNS = 3
"""Maximum number of columns named in a summary."""
MAX_ESTIMATE_BIAS = {"accuracy": 0.01, "mae": 0.1}
"""An estimate whose bias may exceed this gets a warning (for MAE: relative to the MAE)."""
MIN_EFFECTIVE_ROWS = 100
"""Minimum effective sample size of the reference after reweighting to a shifted window."""


@dataclass(frozen=True)
class DetectionPolicy:
    """When a difference counts as drift; see the settings of the same names."""

    false_alarms: float = 0.02
    min_effect: float = 0.02
    seed: int = 0


def check_inputs(
    baseline: Baseline,
    calibration: Calibration,
    table: Table,
    window: Window,
    policy: DetectionPolicy,
) -> WindowResult:
    """Check the inputs and predictions of a window; needs no labels.

    Args:
        baseline: The prepared reference.
        calibration: From `Calibrator.inputs`, for windows of this size.
        table: The rows of the window.
        window: The window.
        policy: When a difference counts as drift.
    """
    sample = gather(table, baseline.schema, sample_rows(table.rows, MAX_SAMPLE, policy.seed))
    measurements = [
        (profile, _measure(baseline, profile, table))
        for profile in baseline.profiles
        if profile.column.name in table.kinds
    ]
    defects = quality.inspect(baseline.profiles, table if isinstance(table, Frame) else sample)
    embedded = baseline.embedding(sample)
    distance = float(((embedded.mean(axis=0) - baseline.embedded.mean(axis=0)) ** 2).sum())

    p_values = [_column_p_value(calibration, profile, each) for profile, each in measurements]
    p_values += [defect.p_value for defect in defects]
    p_values.append(calibration.null("mmd").p_value(distance))
    losses = baseline.losses
    level = policy.false_alarms * (1 - LABELS_BUDGET_SHARE if losses else 1)
    estimate = None
    if losses:
        shifted = min(p_values) <= level / len(p_values)
        estimate = _estimate_performance(baseline, losses, sample, embedded if shifted else None)
        p_values.append(calibration.null("estimated").p_value(estimate.drop))
    verdicts = iter(_adjust(p_values, level))
    test_level = level / len(p_values)

    columns = tuple(
        _column_check(calibration, item, next(verdicts), test_level, policy.min_effect)
        for item in measurements
    )
    findings = tuple(
        QualityFinding(**defect.__dict__, **_verdict_fields(next(verdicts))) for defect in defects
    )
    mmd = _check("mmd", distance, calibration.null("mmd"), next(verdicts), test_level)
    if estimate:
        estimate = _with_verdict(
            estimate, calibration.null("estimated"), next(verdicts), test_level
        )
    # Predictions follow from the inputs, so they count as a cause only if no input has drifted.
    flagged = [check for check in columns if check.flagged]
    inputs = [check for check in flagged if check.role == "feature"]
    drifted = {check.column for check in inputs or flagged}
    causes = explain.drift_causes([item for item in measurements if item[0].column.name in drifted])
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
    return _with_summary(result)


def check_columns(
    calibration: Calibration,
    measurements: Sequence[tuple[Profile, Measurement]],
    policy: DetectionPolicy,
) -> tuple[ColumnCheck, ...]:
    """Check columns alone, from measurements made elsewhere; they get the whole error budget."""
    p_values = [_column_p_value(calibration, profile, each) for profile, each in measurements]
    test_level = policy.false_alarms / max(len(p_values), 1)
    verdicts = _adjust(p_values, policy.false_alarms)
    return tuple(
        _column_check(calibration, item, verdict, test_level, policy.min_effect)
        for item, verdict in zip(measurements, verdicts, strict=True)
    )


def check_labels(
    baseline: Baseline,
    calibration: Calibration,
    frame: Frame,
    window: Window,
    policy: DetectionPolicy,
) -> WindowResult:
    """Check the rows of a window whose labels are known.

    Raises:
        ValueError: The reference has no labels, or the window has none.
    """
    losses = baseline.losses
    loss = performance.losses(baseline.schema, frame)
    rows = np.flatnonzero(~np.isnan(loss))
    if losses is None or not len(rows):
        raise ValueError("this check needs labels, in the reference and in the window")
    frame, loss = frame.take(rows), loss[rows]
    realised = _performance(
        baseline.schema.task,
        losses.loss,
        loss,
        float(np.std(loss, ddof=1)) if len(loss) > 1 else 0.0,
    )
    # The mean loss that the inputs do not explain, compared with the same on the reference.
    residual = float(np.mean(loss - losses.model.expected(frame)))
    residual -= float(np.mean(losses.loss - losses.expected))
    shift = _label_shift(losses, frame, baseline)
    values = (realised.drop, abs(residual), shift)
    nulls = [calibration.null(name) for name in ("loss", "concept", "label-shift")]
    p_values = [null.p_value(value) for null, value in zip(nulls, values, strict=True)]
    level = policy.false_alarms * LABELS_BUDGET_SHARE
    verdicts, test_level = iter(_adjust(p_values, level)), level / len(p_values)
    realised = _with_verdict(realised, nulls[0], next(verdicts), test_level)
    concept = _check("concept", abs(residual), nulls[1], next(verdicts), test_level)
    label = _check("label-shift", shift, nulls[2], next(verdicts), test_level)
    causes = (
        explain.performance_causes(
            baseline.feature_profiles, (losses.frame, losses.loss), (frame, loss)
        )
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
    return _with_summary(result)


@dataclass(frozen=True)
class _Verdict:
    p_value: float
    adjusted_p: float
    flagged: bool


def _adjust(p_values: Sequence[float], level: float) -> list[_Verdict]:
    """Apply Benjamini-Hochberg to all tests of a check.

    If nothing has changed, the probability that any test is flagged is at most `level`.
    """
    raw = np.asarray(p_values, dtype=np.float64)
    pairs = zip(raw.tolist(), benjamini_hochberg(raw).tolist(), strict=True)
    return [_Verdict(p_value, adjusted, adjusted <= level) for p_value, adjusted in pairs]


def _verdict_fields(verdict: _Verdict) -> dict[str, Any]:
    return {"adjusted_p": verdict.adjusted_p, "flagged": verdict.flagged}


def _measure(baseline: Baseline, profile: Profile, table: Table) -> Measurement:
    name = profile.column.name
    if profile.column.kind == "categorical":
        return measure_categories(profile, table.categories(name))
    return measure_numbers(
        profile, baseline.sorted_column(name), sorted_values(table.numbers(name))
    )


def _column_p_value(calibration: Calibration, profile: Profile, measured: Measurement) -> float:
    """One p-value for all deciding statistics: the smallest, with a Bonferroni correction."""
    names = DECIDING_STATISTICS[profile.column.kind]
    rows = int(measured.counts.sum())
    if not rows:
        return 1.0  # no values to compare; the quality check reports that
    if profile.dominant_value is not None:
        # With few values other than the dominant one, only their number is informative.
        before = int(profile.counts.sum())
        return fisher(before - profile.dominant_rows, before, rows - measured.dominant_rows, rows)
    p_values = [
        calibration.null(name, profile.column.name).p_value(measured.statistics[name])
        for name in names
    ]
    return min(1.0, len(names) * min(p_values))


def _column_check(
    calibration: Calibration,
    item: tuple[Profile, Measurement],
    verdict: _Verdict,
    test_level: float,
    min_effect: float,
) -> ColumnCheck:
    profile, measured = item
    column = profile.column
    level = test_level / len(DECIDING_STATISTICS[column.kind])
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
    null: NullDistribution,
    verdict: _Verdict,
    test_level: float,
) -> Check:
    return Check(
        name=name,
        value=value,
        threshold=null.threshold(test_level),
        p_value=verdict.p_value,
        adjusted_p=verdict.adjusted_p,
        flagged=verdict.flagged,
    )


def _performance(task: Task, before: Floats, now: Floats, spread: float) -> Performance:
    """Performance from measured or expected losses, without a verdict yet.

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


def _with_verdict(
    measured: Performance, null: NullDistribution, verdict: _Verdict, test_level: float
) -> Performance:
    drop = null.threshold(test_level)
    threshold = measured.reference + (-drop if measured.metric == "accuracy" else drop)
    return replace(
        measured,
        threshold=threshold,
        p_value=verdict.p_value,
        adjusted_p=verdict.adjusted_p,
        flagged=verdict.flagged,
    )


def _estimate_performance(
    baseline: Baseline, losses: Losses, sample: Frame, shifted: Floats | None
) -> Performance:
    """Estimate the performance in a window, with warnings if the estimate may be wrong.

    If the inputs have shifted, the rows of the reference are weighted by how similar they are to
    the window; `shifted` is then the embedding of the window.
    """
    task, model, warnings = baseline.schema.task, losses.model, []
    if shifted is not None and task == "classification":
        weights = multivariate.weights(baseline.embedding(losses.frame), shifted)
        model = model.adapted(losses.frame, losses.loss, weights)
        if weights.sum() ** 2 / (weights**2).sum() < MIN_EFFECTIVE_ROWS:
            warnings.append(
                "Hardly any rows of the reference resemble this window: the estimate is a guess."
            )
    expected = model.expected(sample)
    mean = float(np.mean(expected))
    spread = float(np.std(losses.loss)) if task == "regression" else (mean * (1 - mean)) ** 0.5
    estimate = _performance(task, losses.expected, expected, spread)
    biases = explain.estimate_bias(
        baseline.feature_profiles, (losses.frame, losses.loss - losses.expected), sample
    )
    column, bias = max(biases.items(), key=lambda item: abs(item[1]), default=("", 0.0))
    scale = 1 if task == "classification" else estimate.reference
    if abs(bias) > MAX_ESTIMATE_BIAS[estimate.metric] * scale:
        warnings.append(
            f"The model's errors depend on {column} in a way that its output does not reflect, "
            f"and {column} has shifted: the estimate may be far off."
        )
    return replace(estimate, warnings=tuple(warnings))


def _label_shift(losses: Losses, frame: Frame, baseline: Baseline) -> float:
    """The distance between the label distributions: chi-square, or Kolmogorov-Smirnov's D."""
    kind = baseline.schema.label_kind
    before, after = (each.label_table(kind) for each in (losses.frame, frame))
    if kind == "categorical":
        return measure_categories(losses.label, after.categories(LABEL)).statistics["chi2"]
    ordered = (sorted_values(each.numbers(LABEL)) for each in (before, after))
    return ks_and_wasserstein(*ordered)[0]


def _with_summary(result: WindowResult) -> WindowResult:
    """Complete a result with its verdict, severity and summary."""
    found = _findings(result)
    severity: Severity = max((each for each, _ in found), key=SEVERITIES.index, default="info")
    summary = "; ".join(text for _, text in found) or "nothing unusual"
    return replace(result, drifted=bool(found), severity=severity, summary=summary)


def _findings(result: WindowResult) -> list[tuple[Severity, str]]:
    """Describe everything that is flagged, the most severe first."""
    found: list[tuple[Severity, str]] = []
    realised, estimated = result.realised, result.estimated
    if realised and realised.flagged:
        found.append(("critical", f"{_change(realised)} ({realised.rows} labels)"))
    if result.concept and result.concept.flagged:
        found.append(("critical", "concept drift: the inputs no longer explain the errors"))
    broken = [each for each in result.quality if each.flagged]
    if broken:
        severe = any(each.problem in {"absent", "type"} for each in broken)
        names = ", ".join(f"{each.column} ({each.problem})" for each in broken[:MAX_NAMED_COLUMNS])
        found.append(("critical" if severe else "warning", f"data quality: {names}"))
    if estimated and estimated.flagged:
        found.append(("warning", f"estimated {_change(estimated)}"))
    if columns := result.flagged_columns:
        names = ", ".join(check.column for check in columns[:MAX_NAMED_COLUMNS])
        rest = len(columns) - MAX_NAMED_COLUMNS
        more = f" and {rest} more" if rest > 0 else ""
        found.append(("warning", f"drift in {names}{more}"))
    if result.multivariate and result.multivariate.flagged and not columns:
        found.append(("warning", "relationships between columns have changed"))
    if result.label_shift and result.label_shift.flagged:
        found.append(("warning", "the distribution of the labels has changed"))
    return found


def _change(performance: Performance) -> str:
    name = performance.metric if performance.metric == "accuracy" else "mean absolute error"
    return f"{name} {performance.value:.3g}, was {performance.reference:.3g}"
