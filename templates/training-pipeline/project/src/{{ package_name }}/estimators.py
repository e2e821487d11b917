"""The available estimators. Edit this file freely: a new entry can be used in the configuration.

Every estimator has to convert to ONNX exactly; otherwise the run fails. Forests, gradient boosting
and linear models convert; histogram gradient boosting currently does not.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from optuna import Trial
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from .config import Scalar, Task

Space = Callable[[Trial], dict[str, Scalar]]


@dataclass(frozen=True, slots=True)
class Estimator:
    """A kind of model.

    Attributes:
        factory: Builds the scikit-learn estimator from its parameters.
        defaults: Default parameters, overridden by the configuration.
        space: Draws a set of hyperparameters for the search.
        scale: Whether numbers are scaled first: linear models need it, trees do not.
        seeded: Whether the factory takes `random_state`.
    """

    factory: Callable[..., Any]
    defaults: dict[str, Scalar]
    space: Space
    scale: bool = False
    seeded: bool = True


def _tree(trial: Trial) -> dict[str, Scalar]:
    return {
        "max_depth": trial.suggest_int("max_depth", 2, 12),
        "min_samples_leaf": trial.suggest_int("min_samples_leaf", 1, 30),
    }


def _forest(trial: Trial) -> dict[str, Scalar]:
    return _tree(trial) | {"max_features": trial.suggest_float("max_features", 0.1, 1.0)}


def _boosting(trial: Trial) -> dict[str, Scalar]:
    return {
        "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.3, log=True),
        "max_depth": trial.suggest_int("max_depth", 1, 4),
        "subsample": trial.suggest_float("subsample", 0.5, 1.0),
    }


ESTIMATORS: dict[Task, dict[str, Estimator]] = {
    "classification": {
        "linear": Estimator(
            LogisticRegression,
            {"C": 1.0, "max_iter": 2000},
            lambda trial: {"C": trial.suggest_float("C", 1e-3, 1e2, log=True)},
            scale=True,
        ),
        "tree": Estimator(DecisionTreeClassifier, {"max_depth": 4, "min_samples_leaf": 5}, _tree),
        "forest": Estimator(RandomForestClassifier, {"n_estimators": 100}, _forest),
        "boosting": Estimator(GradientBoostingClassifier, {"n_estimators": 100}, _boosting),
    },
    "regression": {
        "linear": Estimator(
            Ridge,
            {"alpha": 1.0},
            lambda trial: {"alpha": trial.suggest_float("alpha", 1e-3, 1e3, log=True)},
            scale=True,
        ),
        "tree": Estimator(DecisionTreeRegressor, {"max_depth": 4, "min_samples_leaf": 5}, _tree),
        "forest": Estimator(RandomForestRegressor, {"n_estimators": 100}, _forest),
        "boosting": Estimator(
            GradientBoostingRegressor, {"n_estimators": 100, "max_depth": 2}, _boosting
        ),
    },
}
