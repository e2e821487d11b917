"""The records that modules exchange: events, check results, incidents and alerts.

All of them are frozen and hold plain values only, so `from_json(to_json(record))` gives the same
record. A number that does not exist is None, never NaN.
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
"""A window is checked twice: once its rows are complete, and again once its labels are."""
Problem = Literal["missing", "new-category", "range", "type", "absent", "unknown"]
Change = Literal["opened", "updated", "resolved"]

SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")
"""From least to most severe."""


@dataclass(frozen=True)
class Column:
    """An input or output column of the model."""

    name: str
    kind: Kind
    role: Role = "feature"


@dataclass(frozen=True)
class Schema:
    """The inputs and outputs of the monitored model, inferred from its reference.

    `columns` are the features, then `prediction`, then (for a classifier) `score`: the model's
    confidence in the predicted class, from 0 to 1.
    """

    task: Task
    columns: tuple[Column, ...]

    @property
    def features(self) -> tuple[Column, ...]:
        """The model's input columns."""
        return tuple(column for column in self.columns if column.role == "feature")

    @property
    def label_kind(self) -> Kind:
        """The kind of the labels: class names or numbers."""
        return "categorical" if self.task == "classification" else "numeric"


Value = str | float | bool | None
"""The value of one feature in one prediction: a number or a category."""


@dataclass(frozen=True)
class Prediction:
    """A prediction of the monitored model. The caller chooses `id`, which must be unique."""

    id: str
    happened_at: datetime
    features: Mapping[str, Value]
    prediction: str | float
    score: float | None = None


@dataclass(frozen=True)
class Label:
    """The true outcome for the prediction with this id."""

    id: str
    label: str | float


@dataclass(frozen=True)
class MalformedRow:
    """A row that cannot be used: the reason, and the row itself, truncated."""

    reason: str
    content: str


@dataclass(frozen=True)
class Progress:
    """Counts of all rows and windows since the store was created."""

    events: int
    labels: int
    quarantined: int
    windows: int
    waiting: int
    """Events that are not part of a window yet."""


@dataclass(frozen=True)
class IngestResult:
    """Row counts of a batch: new, already known (and left unchanged), and quarantined."""

    added: int
    known: int
    quarantined: int


@dataclass(frozen=True)
class Window:
    """A range of consecutive events in order of arrival, `first` and `last` included."""

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
    """A distance between two distributions, with its calibrated threshold.

    An unchanged window of this size exceeds `threshold` only with the probability that the
    settings allow for one column. `p_value` is the probability of `value` or more without drift.
    """

    name: StatisticName
    value: float
    threshold: float
    p_value: float


@dataclass(frozen=True)
class Histogram:
    """Data for a plot of reference and window. `labels` name the bars.

    The shares of each side sum to one (or are all zero). For a numeric column, `edges` has one
    more number than there are bars; otherwise it is empty.
    """

    labels: tuple[str, ...]
    edges: tuple[float, ...]
    reference: tuple[float, ...]
    current: tuple[float, ...]


@dataclass(frozen=True)
class ColumnCheck:
    """The check of one column.

    `effect` is the size of the change in a readable unit: for a numeric column the Wasserstein
    distance in standard deviations of the reference, for a categorical one the share of rows
    that would have to change category (total variation). `p_value` combines the column's
    deciding statistics; `adjusted_p` is corrected with Benjamini-Hochberg over the whole window.
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
    """A data quality problem in one column, with its share of rows here and in the reference.

    The problem is `absent` if no row has the column, `unknown` if the reference does not have it,
    and `type` if values are of the wrong type. `examples` are a few of the values, as text.
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
    """The model's performance: `accuracy` (higher is better) or `mae` (lower is better).

    `low` and `high` are the 95 % confidence interval of `value`. `warnings` say in full sentences
    why the value may be wrong.
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
        """How much worse than the reference it is; negative if better."""
        change = self.value - self.reference
        return -change if self.metric == "accuracy" else change


@dataclass(frozen=True)
class Cause:
    """A likely cause, with its share (0 to 1) of the total change.

    `segment` is empty if the cause is the column as a whole, otherwise a text like `60 to 75`.
    """

    column: str
    segment: str
    share: float
    text: str


@dataclass(frozen=True)
class WindowResult:
    """The result of one check of a window.

    The stage `inputs` fills `columns`, `multivariate`, `quality` and `estimated`. The stage
    `labels`, which runs once the labels are known, fills `realised`, `concept` and `label_shift`.
    `summary` is one readable sentence. `severity` is `info` unless `drifted` is true.
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
    """A drift that people are alerted about, from its first window until it is resolved.

    `stage` is the check that opened it. Only results of that stage can resolve it, and `clean`
    counts how many of them in a row were free of drift. `columns` are all columns that were ever
    affected.
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
    """A change of an incident: its new state, and the window that caused the change."""

    change: Change
    incident: Incident
    window: int
    notify: bool


@dataclass(frozen=True)
class Alert:
    """A message about a change, for one route. `key` is unique and prevents duplicates."""

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
    """Serialize a record to JSON."""
    return _adapter(type(record)).dump_json(record).decode()


def from_json(kind: type[R], text: str | bytes) -> R:
    """Read a record that `to_json` wrote.

    Raises:
        pydantic.ValidationError: The text is not a valid record of this kind.
    """
    record: R = _adapter(kind).validate_json(text)
    return record
