"""The prepared reference: everything that checks need to compare a window with it."""

from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from . import multivariate, performance
from .frame import LABEL, PREDICTION, SCORE, Floats, Frame, Table, gather
from .multivariate import Embedding
from .performance import LossModel
from .profiles import Profile, profile_categories, profile_numbers
from .records import Column, Role, Schema, Task
from .stats.numeric import sorted_values

MAX_SAMPLE = 20_000
"""Tests on whole rows use a random sample of at most this many rows."""
MAX_ROWS_IN_MEMORY = 200_000
"""References up to this size are kept sorted in memory; larger ones are read again."""
MIN_LABELS = 100
"""With fewer labelled rows in the reference, performance is not monitored."""


class BaselineError(Exception):
    """The reference data cannot be used."""


@dataclass(frozen=True)
class Losses:
    """The model's losses on the labelled rows of the reference sample, row by row."""

    model: LossModel
    frame: Frame
    loss: Floats
    expected: Floats
    label: Profile


@dataclass(frozen=True)
class Baseline:
    """A prepared reference. `profiles` are in the order of the schema's columns."""

    schema: Schema
    rows: int
    digest: str
    table: Table
    profiles: tuple[Profile, ...]
    sample: Frame
    embedding: Embedding
    embedded: Floats
    """The embedding of the sample. Shape (sample rows, features)."""
    losses: Losses | None
    _sorted: dict[str, Floats] = field(default_factory=dict, repr=False)

    @property
    def feature_profiles(self) -> tuple[Profile, ...]:
        """The profiles of the model's inputs."""
        return tuple(each for each in self.profiles if each.column.role == "feature")

    def sorted_column(self, column: str) -> Floats:
        """All values of a numeric column, sorted, without NaN."""
        if column in self._sorted:
            return self._sorted[column]
        values = sorted_values(self.table.numbers(column))
        if self.rows <= MAX_ROWS_IN_MEMORY:
            self._sorted[column] = values
        return values


def fit(table: Table, task: Task, seed: int = 0) -> Baseline:
    """Prepare a reference.

    Raises:
        BaselineError: It has no column to monitor.
    """
    schema = schema_of(table, task)
    digest = blake2b(repr(schema).encode(), digest_size=16)
    profiles, kept = [], {}
    for column in schema.columns:
        profile, ordered = _profile(table, column)
        profiles.append(profile)
        digest.update(repr((profile.groups, profile.counts.tolist(), seed)).encode())
        digest.update(ordered.tobytes())
        if column.kind == "numeric" and table.rows <= MAX_ROWS_IN_MEMORY:
            kept[column.name] = ordered
    sample = gather(table, schema, sample_rows(table.rows, MAX_SAMPLE, seed))
    features = tuple(each for each in profiles if each.column.role == "feature")
    embedding = multivariate.fit(features, sample, seed)
    return Baseline(
        schema=schema,
        rows=table.rows,
        digest=digest.hexdigest(),
        table=table,
        profiles=tuple(profiles),
        sample=sample,
        embedding=embedding,
        embedded=embedding(sample),
        losses=_fit_losses(schema, tuple(profiles), sample, seed),
        _sorted=kept,
    )


def schema_of(table: Table, task: Task) -> Schema:
    """Infer the schema from the columns of a reference.

    Raises:
        BaselineError: There is no column to monitor.
    """
    roles: dict[str, Role] = {PREDICTION: "prediction", SCORE: "score"}
    columns = [
        Column(name, kind, roles.get(name, "feature"))
        for name, kind in sorted(table.kinds.items(), key=lambda item: item[0] in roles)
    ]
    if not columns:
        raise BaselineError("the reference has no columns to monitor")
    return Schema(task, tuple(columns))


def sample_rows(rows: int, limit: int, seed: int) -> NDArray[np.int64] | None:
    """Draw a random sample of row positions, sorted; None if all rows fit into the limit."""
    if rows <= limit:
        return None
    chosen = np.random.default_rng(seed).choice(rows, size=limit, replace=False)
    return np.sort(chosen)


def _fit_losses(
    schema: Schema, profiles: tuple[Profile, ...], sample: Frame, seed: int
) -> Losses | None:
    labels = sample.labels(schema.label_kind)
    if labels is None or PREDICTION not in sample.columns:
        return None
    rows = np.flatnonzero(~np.isnan(performance.losses(schema, sample)))
    if len(rows) < MIN_LABELS:
        return None
    frame = sample.take(rows)
    loss = performance.losses(schema, frame)
    model, expected = performance.fit(schema, profiles, frame, seed)
    column = Column(LABEL, schema.label_kind)
    profile, _ = _profile(frame.label_table(column.kind), column)
    return Losses(model, frame, loss, expected, profile)


def _profile(table: Table, column: Column) -> tuple[Profile, Floats]:
    """The profile of a column and, if it is numeric, its sorted values."""
    if column.kind == "categorical":
        return profile_categories(column, table.categories(column.name)), np.empty(0)
    ordered = sorted_values(table.numbers(column.name))
    return profile_numbers(column, ordered, table.rows), ordered
