"""The model's performance: measured where labels are known, estimated where they are not.

The loss of a row is 0 or 1 (wrong class) for classification and the absolute error for regression.
A loss model predicts the loss from what is known before the label arrives.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .frame import PREDICTION, SCORE, Frame
from .profiles import Profile
from .records import Schema

Floats = NDArray[np.float64]

FOLDS = 5
MIN_CLASS_ROWS = 50
"""Classes predicted less often than this share one calibration curve."""


class LossModel(Protocol):
    """Predicts the loss of rows whose labels are unknown."""

    def expected(self, frame: Frame) -> Floats:
        """The expected loss of each row. Shape (rows,)."""

    def adapted(self, frame: Frame, loss: Floats, weights: Floats) -> "LossModel":
        """Refit for a shifted mix of inputs, in which the labelled rows have these weights."""


def losses(schema: Schema, frame: Frame) -> Floats:
    """The loss of each row; NaN without a label or a prediction. Shape (rows,)."""
    label = frame.labels(schema.label_kind)
    if label is None or PREDICTION not in frame.columns:
        return np.full(frame.rows, np.nan)
    if schema.task == "regression":
        return np.abs(frame.numbers(PREDICTION) - label)
    predicted = frame.categories(PREDICTION)
    labelled = np.array([value is not None for value in label.tolist()], dtype=bool)
    return np.where(labelled, (predicted != label).astype(np.float64), np.nan)


def fit(
    schema: Schema, profiles: tuple[Profile, ...], frame: Frame, seed: int
) -> tuple[LossModel, Floats]:
    """Fit a loss model to labelled rows; also return the expected loss of each of these rows.

    For regression, the expectation for a row comes from a model that has not seen the row
    (cross-fitting).
    """
    loss = losses(schema, frame)
    if schema.task == "classification":
        calibration = fit_cbpe(frame, loss)
        return calibration, calibration.expected(frame)
    return _fit_regression(profiles, frame, loss, seed)


@dataclass(frozen=True)
class ConfidenceBasedEstimator:
    """Confidence-based performance estimation (CBPE).

    A curve for each predicted class maps the score to the probability that the prediction is
    wrong. The curves are fitted to the reference by isotonic regression. They give the accuracy in
    a window from its scores alone, as long as scores keep their meaning. That holds under
    covariate shift if the model is calibrated everywhere; it does not hold under concept drift.
    """

    curves: dict[str, tuple[Floats, Floats]]
    fallback: tuple[Floats, Floats]
    """For classes that are too rare for a curve of their own."""

    def expected(self, frame: Frame) -> Floats:
        """The probability that each prediction is wrong. Shape (rows,)."""
        scores = _scores(frame)
        expected = np.interp(scores, *self.fallback)
        predicted = frame.categories(PREDICTION)
        for name, curve in self.curves.items():
            rows = predicted == name
            expected[rows] = np.interp(scores[rows], *curve)
        return expected

    def adapted(self, frame: Frame, loss: Floats, weights: Floats) -> "ConfidenceBasedEstimator":
        """Refit the curves for a shifted mix of inputs, because scores may change their meaning.

        This is probabilistic adaptive performance estimation (PAPE; Bialek et al., 2024).
        """
        return fit_cbpe(frame, loss, weights)


def fit_cbpe(frame: Frame, loss: Floats, weights: Floats | None = None) -> ConfidenceBasedEstimator:
    """Fit the curves from score to error probability to rows with a loss, optionally weighted."""
    weights = np.ones(frame.rows) if weights is None else weights
    scores, predicted = _scores(frame), frame.categories(PREDICTION)
    names, counts = np.unique(predicted.astype(str), return_counts=True)
    curves = {
        str(name): _curve(*(each[predicted == name] for each in (scores, loss, weights)))
        for name, count in zip(names, counts, strict=True)
        if count >= MIN_CLASS_ROWS
    }
    return ConfidenceBasedEstimator(curves, _curve(scores, loss, weights))


def _scores(frame: Frame) -> Floats:
    """The scores; missing ones are replaced by the mean, or by zero if there are none at all."""
    if SCORE not in frame.columns:
        return np.zeros(frame.rows)
    scores = frame.numbers(SCORE)
    present = scores[~np.isnan(scores)]
    return np.where(np.isnan(scores), float(np.mean(present)) if len(present) else 0.0, scores)


def _curve(scores: Floats, loss: Floats, weights: Floats) -> tuple[Floats, Floats]:
    from sklearn.isotonic import IsotonicRegression  # noqa: PLC0415 - slow to import

    labelled = ~np.isnan(loss)
    if not labelled.any():
        return np.zeros(1), np.zeros(1)
    model = IsotonicRegression(increasing=False, out_of_bounds="clip")
    model.fit(scores[labelled], loss[labelled], sample_weight=weights[labelled])
    return np.asarray(model.X_thresholds_), np.asarray(model.y_thresholds_)


@dataclass(frozen=True)
class DirectLossEstimator:
    """Direct loss estimation (DLE): a boosted model learns the absolute error from the inputs."""

    profiles: tuple[Profile, ...]
    model: Any

    def expected(self, frame: Frame) -> Floats:
        """The expected absolute error of each row. Shape (rows,)."""
        predicted: Floats = np.maximum(self.model.predict(_matrix(self.profiles, frame)), 0)
        return predicted

    def adapted(self, frame: Frame, loss: Floats, weights: Floats) -> "DirectLossEstimator":  # noqa: ARG002
        """Return this model unchanged: it already depends on the inputs."""
        return self


def _fit_regression(
    profiles: tuple[Profile, ...], frame: Frame, loss: Floats, seed: int
) -> tuple[DirectLossEstimator, Floats]:
    from sklearn.ensemble import HistGradientBoostingRegressor  # noqa: PLC0415 - slow to import
    from sklearn.model_selection import KFold  # noqa: PLC0415

    categorical = [profile.column.kind == "categorical" for profile in profiles]

    def model() -> Any:
        return HistGradientBoostingRegressor(
            max_iter=60,
            max_leaf_nodes=15,
            min_samples_leaf=40,
            categorical_features=categorical,
            random_state=seed,
        )

    matrix = _matrix(profiles, frame)
    labelled = np.flatnonzero(~np.isnan(loss))
    expected = np.full(frame.rows, np.nan)
    for train, test in KFold(FOLDS, shuffle=True, random_state=seed).split(labelled):
        fitted = model().fit(matrix[labelled[train]], loss[labelled[train]])
        expected[labelled[test]] = fitted.predict(matrix[labelled[test]])
    final = model().fit(matrix[labelled], loss[labelled])
    return DirectLossEstimator(profiles, final), np.maximum(expected, 0)


def _matrix(profiles: tuple[Profile, ...], frame: Frame) -> Floats:
    """The columns as input for trees; categories are encoded as integers. Shape (rows, columns)."""
    columns = []
    for profile in profiles:
        name = profile.column.name
        if name not in frame.columns:
            columns.append(np.full(frame.rows, np.nan))
        elif profile.column.kind == "numeric":
            columns.append(frame.numbers(name))
        else:
            group = profile.group_of(frame.categories(name))
            columns.append(np.where(group < 0, np.nan, group))
    return np.column_stack(columns)
