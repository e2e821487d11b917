"""How well the model does: measured where labels are, estimated where they are not.

The loss of a row is 0 or 1 (wrong class) or the absolute error, and a loss model says what loss to
expect from what is known before the label comes.
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
MIN_CLASS = 50
"""Classes predicted less often than this share one calibration curve."""


class LossModel(Protocol):
    """What loss to expect of rows whose labels are not known."""

    def expected(self, frame: Frame) -> Floats:
        """The expected loss of each row. Shape (rows,)."""

    def adapted(self, frame: Frame, loss: Floats, weights: Floats) -> "LossModel":
        """The same for another mix of inputs, in which these labelled rows have these weights."""


def losses(schema: Schema, frame: Frame) -> Floats:
    """The loss of each row; NaN where there is no label (or no prediction). Shape (rows,)."""
    label = frame.labels(schema.label_kind)
    if label is None or PREDICTION not in frame.columns:
        return np.full(frame.rows, np.nan)
    if schema.task == "regression":
        return np.abs(frame.numbers(PREDICTION) - label)
    predicted = frame.texts(PREDICTION)
    known = np.array([value is not None for value in label.tolist()], dtype=bool)
    return np.where(known, (predicted != label).astype(np.float64), np.nan)


def fit(
    schema: Schema, profiles: tuple[Profile, ...], frame: Frame, seed: int
) -> tuple[LossModel, Floats]:
    """A loss model from labelled rows, and what it expects of these rows themselves.

    For regression these are expectations of a model that has not seen the row (cross-fitting).
    """
    loss = losses(schema, frame)
    if schema.task == "classification":
        calibration = fit_cbpe(frame, loss)
        return calibration, calibration.expected(frame)
    return _fit_regression(profiles, frame, loss, seed)


@dataclass(frozen=True)
class ConfidenceBased:
    """Confidence-based performance estimation (CBPE).

    The score of a row is turned into the chance that its prediction is wrong by a curve for each
    predicted class, learned on the reference by isotonic regression. With the scores of a window
    alone this tells the accuracy, as long as a score goes on meaning what it meant: under
    covariate shift, yes, if the model is calibrated everywhere; under concept drift, no.
    """

    curves: dict[str, tuple[Floats, Floats]]
    rest: tuple[Floats, Floats]

    def expected(self, frame: Frame) -> Floats:
        """The chance that each prediction is wrong. Shape (rows,)."""
        scores = _scores(frame)
        expected = np.interp(scores, *self.rest)
        predicted = frame.texts(PREDICTION)
        for name, curve in self.curves.items():
            rows = predicted == name
            expected[rows] = np.interp(scores[rows], *curve)
        return expected

    def adapted(self, frame: Frame, loss: Floats, weights: Floats) -> "ConfidenceBased":
        """Curves for another mix of inputs: what a score means depends on who gets it.

        Probabilistic adaptive performance estimation (PAPE; Bialek et al., 2024).
        """
        return fit_cbpe(frame, loss, weights)


def fit_cbpe(frame: Frame, loss: Floats, weights: Floats | None = None) -> ConfidenceBased:
    """Curves from score to chance of error, from rows with a loss, weighted or not."""
    weights = np.ones(frame.rows) if weights is None else weights
    scores, predicted = _scores(frame), frame.texts(PREDICTION)
    names, counts = np.unique(predicted.astype(str), return_counts=True)
    curves = {
        str(name): _curve(*(each[predicted == name] for each in (scores, loss, weights)))
        for name, count in zip(names, counts, strict=True)
        if count >= MIN_CLASS
    }
    return ConfidenceBased(curves, _curve(scores, loss, weights))


def _scores(frame: Frame) -> Floats:
    """Scores; a model without them has the same one everywhere, and so has a missing one."""
    if SCORE not in frame.columns:
        return np.zeros(frame.rows)
    scores = frame.numbers(SCORE)
    there = scores[~np.isnan(scores)]
    return np.where(np.isnan(scores), float(np.mean(there)) if len(there) else 0.0, scores)


def _curve(scores: Floats, loss: Floats, weights: Floats) -> tuple[Floats, Floats]:
    from sklearn.isotonic import IsotonicRegression  # noqa: PLC0415 - slow to import

    known = ~np.isnan(loss)
    if not known.any():
        return np.zeros(1), np.zeros(1)
    model = IsotonicRegression(increasing=False, out_of_bounds="clip")
    model.fit(scores[known], loss[known], sample_weight=weights[known])
    return np.asarray(model.X_thresholds_), np.asarray(model.y_thresholds_)


@dataclass(frozen=True)
class DirectLoss:
    """Direct loss estimation: a boosted model learns the absolute error from the inputs."""

    profiles: tuple[Profile, ...]
    model: Any

    def expected(self, frame: Frame) -> Floats:
        """The absolute error to expect of each row. Shape (rows,)."""
        predicted: Floats = np.maximum(self.model.predict(_matrix(self.profiles, frame)), 0)
        return predicted

    def adapted(self, frame: Frame, loss: Floats, weights: Floats) -> "DirectLoss":  # noqa: ARG002
        """Itself: it looks at the inputs already."""
        return self


def _fit_regression(
    profiles: tuple[Profile, ...], frame: Frame, loss: Floats, seed: int
) -> tuple[DirectLoss, Floats]:
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
    known = np.flatnonzero(~np.isnan(loss))
    expected = np.full(frame.rows, np.nan)
    for train, test in KFold(FOLDS, shuffle=True, random_state=seed).split(known):
        fitted = model().fit(matrix[known[train]], loss[known[train]])
        expected[known[test]] = fitted.predict(matrix[known[test]])
    return DirectLoss(profiles, model().fit(matrix[known], loss[known])), np.maximum(expected, 0)


def _matrix(profiles: tuple[Profile, ...], frame: Frame) -> Floats:
    """Columns as trees want them: numbers, and categories by position. Shape (rows, columns)."""
    columns = []
    for profile in profiles:
        name = profile.column.name
        if name not in frame.columns:
            columns.append(np.full(frame.rows, np.nan))
        elif profile.column.kind == "numeric":
            columns.append(frame.numbers(name))
        else:
            group = profile.group_of(frame.texts(name))
            columns.append(np.where(group < 0, np.nan, group))
    return np.column_stack(columns)
