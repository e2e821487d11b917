"""What a run does: a YAML file, with single values overridden on the command line."""

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
    """Base of all records: frozen, and with no key that nobody knows."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DataConfig(Record):
    """Where the rows come from, and the file that says what they have to look like."""

    source: str = Field(min_length=1)
    query: str | None = None
    contract: Path

    @field_validator("source")
    @classmethod
    def _holds_no_password(cls, value: str) -> str:
        # The configuration is recorded with every run, for many to read.
        if re.match(r"[^/]+://[^/@]*:(?!\$)[^/@]+@", value):
            raise ValueError("holds a password: write $NAME and set that environment variable")
        return value


class SplitConfig(Record):
    """The share of rows that no model learns from."""

    held_out: float = Field(gt=0, lt=1)


class TrainConfig(Record):
    """What is fitted: a name from `estimators.py` and its parameters."""

    estimator: str = "linear"
    params: dict[str, Scalar] = {}
    folds: int = Field(5, ge=2)


class SearchConfig(Record):
    """How many sets of hyperparameters Optuna tries; none if 0."""

    trials: int = Field(0, ge=0)


class GateConfig(Record):
    """When a challenger takes the champion's place; see `gate.py`.

    Attributes:
        loss: What counts, per row; lower is better.
        margin: How much lower the mean loss has to be, surely.
        confidence: How sure: 0.95 lets one in twenty of those exactly at the margin through.
        resamples: Bootstrap resamples.
        min_rows: With fewer rows to compare on, nothing is promoted.
        slices: Columns whose parts are looked at one by one.
        slice_tolerance: How much the mean loss of a part may rise.
        slice_min_rows: Smaller parts are reported but decide nothing.
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
    """All of it."""

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
        overrides: `section.key=value` each; the value is YAML, so `true` and `3` are what they
            look like.

    Raises:
        ConfigError: The file, a key or a value is wrong; the message names it.
    """
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not valid YAML: {error}") from error
    if not isinstance(tree, dict):
        raise ConfigError(f"{path} holds no settings")
    for override in overrides:
        _set(tree, override)
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        raise ConfigError(f"{path}: {describe(error)}") from error


def describe(error: ValidationError) -> str:
    """Say for people what a record's validation found, one mistake after the other."""
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
            raise ConfigError(f"cannot set {key!r}: {section!r} is no section")
    try:
        tree[last] = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"cannot set {key!r}: {text!r} is not valid YAML") from error
