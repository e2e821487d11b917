"""The reference, prepared: all that checks need to know of what is normal."""

from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from . import multivariate, performance
from .frame import LABEL, PREDICTION, SCORE, Floats, Frame, Table, gather
from .multivariate import Embedding
from .performance import LossModel
from .profiles import Profile, profile_numbers, profile_texts
from .records import Column, Role, Schema, Task
from .stats.numeric import sorted_values

SAMPLE = 20_000
"""Tests that look at whole rows use so many, drawn at random, of what is larger."""
KEEP = 200_000
"""References up to so many rows are kept sorted in memory; larger ones are read again."""
MIN_LABELS = 100
"""With fewer labelled rows in the reference, nothing is said of performance."""


class BaselineError(Exception):
    """The reference cannot serve as one."""


@dataclass(frozen=True)
class Losses:
    """How well the model did on the reference, row by row of the sample that has labels."""

    model: LossModel
    frame: Frame
    loss: Floats
    expected: Floats
    label: Profile


@dataclass(frozen=True)
class Baseline:
    """A reference, prepared. `profiles` are of the columns of the schema, in their order."""

    schema: Schema
    rows: int
    digest: str
    table: Table
    profiles: tuple[Profile, ...]
    sample: Frame
    embedding: Embedding
    embedded: Floats
    """Rows of the sample as the embedding shows them. Shape (sample rows, features)."""
    losses: Losses | None
    _sorted: dict[str, Floats] = field(default_factory=dict, repr=False)

    @property
    def feature_profiles(self) -> tuple[Profile, ...]:
        """The profiles of what goes into the model."""
        return tuple(each for each in self.profiles if each.column.role == "feature")

    def ordered(self, column: str) -> Floats:
        """All values of a numeric column, sorted, without NaN."""
        if column in self._sorted:
            return self._sorted[column]
        values = sorted_values(self.table.numbers(column))
        if self.rows <= KEEP:
            self._sorted[column] = values
        return values


def fit(table: Table, task: Task, seed: int = 0) -> Baseline:
    """Prepare a reference.

    Raises:
        BaselineError: It has no column to watch.
    """
    schema = schema_of(table, task)
    digest = blake2b(repr(schema).encode(), digest_size=16)
    profiles, kept = [], {}
    for column in schema.columns:
        profile, ordered = _profile(table, column)
        profiles.append(profile)
        digest.update(repr((profile.groups, profile.counts.tolist(), seed)).encode())
        digest.update(ordered.tobytes())
        if column.kind == "numeric" and table.rows <= KEEP:
            kept[column.name] = ordered
    sample = gather(table, schema, sample_rows(table.rows, SAMPLE, seed))
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
    """The schema that the columns of a reference show.

    Raises:
        BaselineError: There is no column to watch.
    """
    roles: dict[str, Role] = {PREDICTION: "prediction", SCORE: "score"}
    columns = [
        Column(name, kind, roles.get(name, "feature"))
        for name, kind in sorted(table.kinds.items(), key=lambda item: item[0] in roles)
    ]
    if not columns:
        raise BaselineError("the reference has no columns to watch")
    return Schema(task, tuple(columns))


def sample_rows(rows: int, most: int, seed: int) -> NDArray[np.int64] | None:
    """Positions of a random sample, in order; None where all rows will do."""
    if rows <= most:
        return None
    chosen = np.random.default_rng(seed).choice(rows, size=most, replace=False)
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
    """The profile of a column; of a numeric one also its sorted values."""
    if column.kind == "categorical":
        return profile_texts(column, table.texts(column.name)), np.empty(0)
    ordered = sorted_values(table.numbers(column.name))
    return profile_numbers(column, ordered, table.rows), ordered
