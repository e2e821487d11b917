"""Step 5: fit a model with cross-validation and an optional hyperparameter search."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
import polars as pl
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.model_selection import KFold, StratifiedKFold, cross_validate
from sklearn.pipeline import Pipeline

from .config import Config, Loss, Scalar, Task
from .contract import Contract
from .errors import ConfigError
from .estimators import ESTIMATORS, Estimator
from .features import inputs, transformer

SCORERS: dict[Loss, str] = {
    "error": "accuracy",
    "log_loss": "neg_log_loss",
    "brier": "neg_brier_score",
    "absolute_error": "neg_mean_absolute_error",
    "squared_error": "neg_mean_squared_error",
}
"""scikit-learn's scorers for the losses; for a scorer, higher is better."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A set of hyperparameters that the search tried, and its mean loss over the folds."""

    params: dict[str, Scalar]
    loss: float


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fitted pipeline.

    Attributes:
        pipeline: Transformer and estimator, fitted on all training rows.
        params: The estimator's parameters.
        cv_loss: Mean loss over the folds.
        cv_std: Standard deviation of the loss over the folds.
        trials: The search's trials, in order.
    """

    pipeline: Pipeline
    params: dict[str, Scalar]
    cv_loss: float
    cv_std: float
    trials: tuple[Trial, ...] = ()


def fit(frame: pl.DataFrame, contract: Contract, config: Config) -> Fitted:
    """Fit the configured estimator.

    Args:
        frame: Training rows.
        contract: Their columns.
        config: Estimator, parameters, folds, seed and search.

    Raises:
        ConfigError: There is no such estimator, or it rejects its parameters.
    """
    estimator = find_estimator(config.task, config.train.estimator)
    features = inputs(frame, contract)
    truth = encode_target(frame[contract.target], contract, config.task)
    trials: tuple[Trial, ...] = ()
    params = estimator.defaults | config.train.params
    if config.search.trials:
        trials = _search(estimator, features, truth, contract, config)
        params |= min(trials, key=lambda trial: trial.loss).params
    pipeline = build_pipeline(estimator, contract, params, config.seed)
    losses = _losses(pipeline, features, truth, config)
    try:
        pipeline.fit(features, truth)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"train.params of {config.train.estimator}: {error}") from error
    return Fitted(pipeline, params, float(losses.mean()), float(losses.std()), trials)


def find_estimator(task: Task, name: str) -> Estimator:
    """Look up an estimator by name.

    Raises:
        ConfigError: There is no estimator with that name.
    """
    try:
        return ESTIMATORS[task][name]
    except KeyError:
        known = ", ".join(ESTIMATORS[task])
        raise ConfigError(
            f"train.estimator is {name!r}; the estimators for {task} are {known}"
        ) from None


def build_pipeline(
    estimator: Estimator, contract: Contract, params: dict[str, Scalar], seed: int
) -> Pipeline:
    """Build an unfitted pipeline of transformer and estimator.

    Raises:
        ConfigError: The estimator does not have such a parameter.
    """
    seeded = {"random_state": seed} if estimator.seeded else {}
    try:
        model = estimator.factory(**params, **seeded)
    except TypeError as error:
        raise ConfigError(f"train.params: {error}") from error
    return Pipeline([("features", transformer(contract, scale=estimator.scale)), ("model", model)])


def encode_target(series: pl.Series, contract: Contract, task: Task) -> NDArray[Any]:
    """Encode the target as numbers.

    Returns:
        Shape (rows,): float64 for regression; for classification the index into the contract's
        sorted categories, int64.

    Raises:
        ConfigError: The target's kind does not match the task.
    """
    target = contract.columns[contract.target]
    if (target.kind == "category") != (task == "classification"):
        raise ConfigError(
            f"the target {contract.target!r} is a {target.kind}, which does not work for {task}"
        )
    if task == "regression":
        return series.to_numpy().astype(np.float64)
    index = {label: code for code, label in enumerate(labels(contract))}
    return np.array([index[label] for label in series], dtype=np.int64)


def labels(contract: Contract) -> tuple[str, ...]:
    """List the classes in the order that models use; empty for a numeric target."""
    return tuple(sorted(contract.columns[contract.target].categories))


def _losses(
    pipeline: Pipeline, features: pl.DataFrame, truth: NDArray[Any], config: Config
) -> NDArray[np.float64]:
    splitter = StratifiedKFold if config.task == "classification" else KFold
    folds = splitter(config.train.folds, shuffle=True, random_state=config.seed)
    loss = config.gate.loss
    try:
        scores = cross_validate(
            clone(pipeline), features, truth, cv=folds, scoring=SCORERS[loss], error_score="raise"
        )["test_score"]
    except (TypeError, ValueError) as error:
        raise ConfigError(f"train.params of {config.train.estimator}: {error}") from error
    return np.asarray(1 - scores if loss == "error" else -scores, dtype=np.float64)


def _search(
    estimator: Estimator,
    features: pl.DataFrame,
    truth: NDArray[Any],
    contract: Contract,
    config: Config,
) -> tuple[Trial, ...]:
    """Search hyperparameters with Optuna, reproducibly for a given seed."""

    def objective(trial: optuna.Trial) -> float:
        params = estimator.defaults | config.train.params | estimator.space(trial)
        pipeline = build_pipeline(estimator, contract, params, config.seed)
        return float(_losses(pipeline, features, truth, config).mean())

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=config.seed))
    study.optimize(objective, n_trials=config.search.trials)
    return tuple(
        Trial(dict(trial.params), trial.value) for trial in study.trials if trial.value is not None
    )
