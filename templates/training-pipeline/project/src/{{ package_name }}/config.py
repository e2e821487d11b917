"""The configuration of a run: a YAML file, with overrides from the command line."""

import difflib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from .errors import ConfigError

Task = Literal["classification", "regression"]
Loss = Literal["error", "log_loss", "brier", "absolute_error", "squared_error"]
Scalar = bool | int | float | str | None

LOSSES: dict[Task, tuple[Loss, ...]] = {
    "classification": ("error", "log_loss", "brier"),
    "regression": ("absolute_error", "squared_error"),
}


class Record(BaseModel):
    """Base class of all records: immutable, and unknown keys are rejected."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DataConfig(Record):
    """Where the rows come from, and the data contract they have to satisfy."""

    source: str = Field(min_length=1)
    query: str | None = None
    contract: Path

    @field_validator("source")
    @classmethod
    def _contains_no_password(cls, value: str) -> str:
        # The configuration is recorded with every run, where others can read it.
        if re.match(r"[^/]+://[^/@]*:(?!\$)[^/@]+@", value):
            raise ValueError("contains a password: write $NAME and set that environment variable")
        return value


class SplitConfig(Record):
    """The share of rows that no model is trained on."""

    held_out: float = Field(gt=0, lt=1)


class TrainConfig(Record):
    """The estimator: a name from `estimators.py`, its parameters, and the number of CV folds."""

    estimator: str = "linear"
    params: dict[str, Scalar] = {}
    folds: int = Field(5, ge=2)


class SearchConfig(Record):
    """How many sets of hyperparameters Optuna tries; 0 disables the search."""

    trials: int = Field(0, ge=0)


class GateConfig(Record):
    """When a challenger replaces the champion; see `gate.py`.

    Attributes:
        loss: Loss per row to compare by; lower is better.
        margin: How much the mean loss has to fall, at the given confidence.
        confidence: Confidence level; 0.95 promotes 1 in 20 challengers exactly at the margin.
        resamples: Number of bootstrap resamples.
        min_rows: With fewer rows to compare on, nothing is promoted.
        slices: Columns to slice the rows by; each slice is compared separately.
        slice_tolerance: How much the mean loss of a slice may rise.
        slice_min_rows: Smaller slices are reported but do not block promotion.
    """

    loss: Loss
    margin: float = Field(0, ge=0)
    confidence: float = Field(0.95, gt=0.5, lt=1)
    resamples: int = Field(2000, ge=200)
    min_rows: int = Field(50, ge=2)
    slices: tuple[str, ...] = ()
    slice_tolerance: Annotated[float, Field(ge=0)] = 0.0
    slice_min_rows: int = Field(20, ge=1)


class Config(Record):
    """The complete configuration of a run."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    task: Task
    seed: int = Field(0, ge=0, lt=2**32)
    data: DataConfig
    split: SplitConfig
    train: TrainConfig = TrainConfig()
    search: SearchConfig = SearchConfig()
    gate: GateConfig

    @model_validator(mode="after")
    def _loss_fits_task(self) -> Self:
        if self.gate.loss not in LOSSES[self.task]:
            known = ", ".join(LOSSES[self.task])
            raise ValueError(f"gate.loss for {self.task} is one of {known}")
        return self


def load(path: Path, overrides: Sequence[str] = ()) -> Config:
    """Read a configuration.

    Args:
        path: A YAML file.
        overrides: Each is `section.key=value`; values are YAML, so `true` is a boolean and `3` a
            number.

    Raises:
        ConfigError: The file, a key or a value is invalid; the message names it.
    """
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not valid YAML: {error}") from error
    if not isinstance(tree, dict):
        raise ConfigError(f"{path} contains no settings")
    for override in overrides:
        _set(tree, override)
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        raise ConfigError(f"{path}: {format_errors(error)}") from error


def format_errors(error: ValidationError) -> str:
    """Format the errors of a failed validation as one line."""
    return "; ".join(
        f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}".removeprefix(": ")
        for detail in error.errors()
    )


def _set(tree: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise ConfigError(f"cannot set {override!r}: write it like train.estimator=forest")
    *sections, last = key.split(".")
    fields = Config.model_fields
    if (first := (*sections, last)[0]) not in fields:
        near = difflib.get_close_matches(first, fields, n=1)
        raise ConfigError(f"no setting {key!r}" + (f": did you mean {near[0]!r}?" if near else ""))
    for section in sections:
        tree = tree.setdefault(section, {})
        if not isinstance(tree, dict):
            raise ConfigError(f"cannot set {key!r}: {section!r} is not a section")
    try:
        tree[last] = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"cannot set {key!r}: {text!r} is not valid YAML") from error
