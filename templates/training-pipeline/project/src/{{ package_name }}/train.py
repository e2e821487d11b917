"""Step 5: fit a model, cross-validated, with or without a search for hyperparameters."""

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
"""What scikit-learn calls the losses; scores are higher for better."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One set of hyperparameters that the search tried, and its mean loss over the folds."""

    params: dict[str, Scalar]
    loss: float


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fitted pipeline.

    Attributes:
        pipeline: Transformer and estimator, fitted on all training rows.
        params: The estimator's parameters, as used.
        cv_loss: Mean loss over the folds.
        cv_std: Its standard deviation over the folds.
        trials: What the search tried, in order.
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
        ConfigError: There is no such estimator, or it refuses its parameters.
    """
    estimator = choose(config.task, config.train.estimator)
    features = inputs(frame, contract)
    truth = encode(frame[contract.target], contract, config.task)
    trials: tuple[Trial, ...] = ()
    params = estimator.defaults | config.train.params
    if config.search.trials:
        trials = _search(estimator, features, truth, contract, config)
        params |= min(trials, key=lambda trial: trial.loss).params
    pipeline = assemble(estimator, contract, params, config.seed)
    losses = _losses(pipeline, features, truth, config)
    try:
        pipeline.fit(features, truth)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"train.params of {config.train.estimator}: {error}") from error
    return Fitted(pipeline, params, float(losses.mean()), float(losses.std()), trials)


def choose(task: Task, name: str) -> Estimator:
    """Look an estimator up.

    Raises:
        ConfigError: There is none of that name.
    """
    try:
        return ESTIMATORS[task][name]
    except KeyError:
        known = ", ".join(ESTIMATORS[task])
        raise ConfigError(f"train.estimator is {name!r}; for {task} there are {known}") from None


def assemble(
    estimator: Estimator, contract: Contract, params: dict[str, Scalar], seed: int
) -> Pipeline:
    """Put transformer and estimator together, not fitted yet.

    Raises:
        ConfigError: The estimator knows no such parameter.
    """
    seeded = {"random_state": seed} if estimator.seeded else {}
    try:
        model = estimator.make(**params, **seeded)
    except TypeError as error:
        raise ConfigError(f"train.params: {error}") from error
    return Pipeline([("features", transformer(contract, scale=estimator.scale)), ("model", model)])


def encode(series: pl.Series, contract: Contract, task: Task) -> NDArray[Any]:
    """Turn the target into numbers.

    Returns:
        Shape (rows,): float64 to regress on, or for classes the index into the contract's
        sorted categories, int64.

    Raises:
        ConfigError: The target's kind does not fit the task.
    """
    target = contract.columns[contract.target]
    if (target.kind == "category") != (task == "classification"):
        raise ConfigError(f"the target {contract.target!r} is a {target.kind}: not for {task}")
    if task == "regression":
        return series.to_numpy().astype(np.float64)
    index = {label: code for code, label in enumerate(labels(contract))}
    return np.array([index[label] for label in series], dtype=np.int64)


def labels(contract: Contract) -> tuple[str, ...]:
    """Name the classes in the order in which models know them; none for a number."""
    return tuple(sorted(contract.columns[contract.target].categories))


def _losses(
    pipeline: Pipeline, features: pl.DataFrame, truth: NDArray[Any], config: Config
) -> NDArray[np.float64]:
    kind = StratifiedKFold if config.task == "classification" else KFold
    folds = kind(config.train.folds, shuffle=True, random_state=config.seed)
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
    """Let Optuna try sets of hyperparameters; the seed decides which."""

    def objective(trial: optuna.Trial) -> float:
        params = estimator.defaults | config.train.params | estimator.space(trial)
        pipeline = assemble(estimator, contract, params, config.seed)
        return float(_losses(pipeline, features, truth, config).mean())

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=config.seed))
    study.optimize(objective, n_trials=config.search.trials)
    return tuple(
        Trial(dict(trial.params), trial.value) for trial in study.trials if trial.value is not None
    )
