"""The records that travel between the parts: what was seen, what it means, what was said of it.

All are frozen and hold plain values only, so each one survives `to_json` and `from_json`.
A number that does not exist (a p-value without rows, say) is None, never NaN.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeVar

from pydantic import TypeAdapter

Task = Literal["classification", "regression"]
Kind = Literal["numeric", "categorical"]
Role = Literal["feature", "prediction", "score"]
Severity = Literal["info", "warning", "critical"]
Stage = Literal["inputs", "labels"]
"""A window is checked twice: when its rows are there, and when its labels are."""
Problem = Literal["missing", "new-category", "range", "type", "absent", "unknown"]
Change = Literal["opened", "updated", "resolved"]

SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")
"""From least to most severe."""


@dataclass(frozen=True)
class Column:
    """A column of the model's input or output."""

    name: str
    kind: Kind
    role: Role = "feature"


@dataclass(frozen=True)
class Schema:
    """What the monitored model takes and gives, as its reference shows it.

    `columns` are the features, then `prediction`, then (for a classifier) `score`: how sure the
    model is of the class that it predicts, from 0 to 1.
    """

    task: Task
    columns: tuple[Column, ...]

    @property
    def features(self) -> tuple[Column, ...]:
        """The columns that go into the model."""
        return tuple(column for column in self.columns if column.role == "feature")

    @property
    def label_kind(self) -> Kind:
        """What a label is: the name of a class, or a number."""
        return "categorical" if self.task == "classification" else "numeric"


Value = str | float | bool | None
"""One feature of one prediction; a number, or the name of a category."""


@dataclass(frozen=True)
class Prediction:
    """An answer that the monitored model gave. `id` is the caller's, and unique."""

    id: str
    happened_at: datetime
    features: Mapping[str, Value]
    prediction: str | float
    score: float | None = None


@dataclass(frozen=True)
class Label:
    """What turned out to be true for the prediction with this id."""

    id: str
    label: str | float


@dataclass(frozen=True)
class Malformed:
    """A row that cannot be used: why, and what it was, cut to a readable length."""

    reason: str
    content: str


@dataclass(frozen=True)
class Progress:
    """How far the monitor has come, in rows and windows since it was set up."""

    events: int
    labels: int
    quarantined: int
    windows: int
    waiting: int
    """Events that are in no window yet."""


@dataclass(frozen=True)
class Added:
    """What became of a batch: new, already known (and unchanged), refused (and quarantined)."""

    added: int
    known: int
    quarantined: int


@dataclass(frozen=True)
class Window:
    """A run of consecutive events: `first` to `last` in order of arrival, both included."""

    number: int
    first: int
    last: int
    start: datetime
    end: datetime
    rows: int
    labelled: int


StatisticName = Literal["ks", "chi2", "psi", "wasserstein", "js"]


@dataclass(frozen=True)
class Statistic:
    """One measure of how far two distributions are apart, with its calibrated threshold.

    `threshold` is what an unchanged window of this size exceeds with the probability that the
    settings allow to one column; `p_value` is the chance of `value` or more without drift.
    """

    name: StatisticName
    value: float
    threshold: float
    p_value: float


@dataclass(frozen=True)
class Histogram:
    """Then and now, for the eye. `labels` name the bars; both shares sum to one (or are all zero).

    For a numeric column `edges` has one number more than there are bars; else it is empty.
    """

    labels: tuple[str, ...]
    edges: tuple[float, ...]
    reference: tuple[float, ...]
    current: tuple[float, ...]


@dataclass(frozen=True)
class ColumnCheck:
    """What happened to one column.

    `effect` is the size of the change in a unit people can read: for a numeric column the
    Wasserstein distance in standard deviations of the reference, for a categorical one the share
    of rows that would have to change category (total variation). `p_value` is of this column's
    deciding statistics together, `adjusted_p` after Benjamini-Hochberg over the whole window.
    """

    column: str
    kind: Kind
    role: Role
    rows: int
    statistics: tuple[Statistic, ...]
    p_value: float
    adjusted_p: float
    flagged: bool
    effect: float
    histogram: Histogram


@dataclass(frozen=True)
class Check:
    """A test of the window as a whole: all columns together, or labels given inputs."""

    name: Literal["mmd", "concept", "label-shift"]
    value: float
    threshold: float
    p_value: float
    adjusted_p: float
    flagged: bool


@dataclass(frozen=True)
class QualityFinding:
    """Something wrong with the data of a column: how many rows, and how many were expected.

    `absent` is a column that no row has, `unknown` one that the reference does not know, `type` a
    value of another kind. `examples` are a few of the values, as text.
    """

    column: str
    problem: Problem
    rows: int
    share: float
    reference_share: float
    p_value: float
    adjusted_p: float
    flagged: bool
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Performance:
    """How well the model does: `accuracy` (higher is better) or `mae` (lower is better).

    `low` and `high` enclose `value` with 95 % confidence. `warnings` say why it should not be
    trusted, in whole sentences.
    """

    metric: Literal["accuracy", "mae"]
    value: float
    low: float
    high: float
    reference: float
    threshold: float
    rows: int
    p_value: float
    adjusted_p: float
    flagged: bool
    warnings: tuple[str, ...] = ()

    @property
    def drop(self) -> float:
        """How much worse than the reference; negative when better."""
        change = self.value - self.reference
        return -change if self.metric == "accuracy" else change


@dataclass(frozen=True)
class Cause:
    """A likely cause, with its share (0 to 1) of all that was found.

    `segment` is empty when the column as a whole is meant, else a text like `age 60 to 75`.
    """

    column: str
    segment: str
    share: float
    text: str


@dataclass(frozen=True)
class WindowResult:
    """All that one check of a window found.

    The stage `inputs` fills `columns`, `multivariate`, `quality` and `estimated`; the stage
    `labels`, which follows when the labels have come, fills `realised`, `concept` and
    `label_shift`. `summary` is one sentence for people. `severity` is `info` when `drifted` is not.
    """

    window: Window
    stage: Stage
    checked_at: datetime
    drifted: bool
    severity: Severity
    summary: str
    columns: tuple[ColumnCheck, ...] = ()
    multivariate: Check | None = None
    quality: tuple[QualityFinding, ...] = ()
    estimated: Performance | None = None
    realised: Performance | None = None
    concept: Check | None = None
    label_shift: Check | None = None
    causes: tuple[Cause, ...] = ()

    @property
    def flagged_columns(self) -> tuple[ColumnCheck, ...]:
        """The columns that drifted, the largest effect first."""
        flagged = (check for check in self.columns if check.flagged)
        return tuple(sorted(flagged, key=lambda check: -check.effect))


@dataclass(frozen=True)
class Incident:
    """A drift that people should know of, from the window that showed it to the last clean one.

    `stage` says which checks opened it: only results of that stage can resolve it, and
    `clean` counts those without drift in a row. `columns` are all that were ever part of it.
    """

    id: str
    stage: Stage
    severity: Severity
    title: str
    opened_at: datetime
    opened_window: int
    last_window: int
    windows: int
    clean: int
    columns: tuple[str, ...]
    causes: tuple[Cause, ...]
    resolved_at: datetime | None = None
    acknowledged_by: str = ""
    silenced_until: datetime | None = None


@dataclass(frozen=True)
class Transition:
    """A change of an incident: how it is afterwards, and which result made it so."""

    change: Change
    incident: Incident
    window: int
    notify: bool


@dataclass(frozen=True)
class Alert:
    """A message to send: what changed, for one route. `key` is unique, so it goes out once."""

    key: str
    route: str
    change: Change
    incident: Incident
    window: Window
    text: str


R = TypeVar("R")


_ADAPTERS: dict[Any, TypeAdapter[Any]] = {}


def _adapter(kind: Any) -> TypeAdapter[Any]:
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


def to_json(record: Any) -> str:
    """The record as JSON text."""
    return _adapter(type(record)).dump_json(record).decode()


def from_json(kind: type[R], text: str | bytes) -> R:
    """The record that `to_json` wrote.

    Raises:
        pydantic.ValidationError: The text is no such record.
    """
    record: R = _adapter(kind).validate_json(text)
    return record
