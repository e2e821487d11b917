"""The state of the project at a commit or in the working tree: parameters, metrics, data."""

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from ..data.contract import Contract, parse
from ..data.read import read
from ..data.table import Table
from ..manifest import Tracked, flatten
from . import pipeline, releases
from .git import Git
from .store import Store

TREE = "."
"""Stands for the working tree in place of a version or revision."""


@dataclass(frozen=True, slots=True)
class State:
    """The state of the project at a version, a revision, or in the working tree.

    Attributes:
        name: The requested version, revision, or `.`.
        commit: Its commit; `None` for the working tree.
        params: Parameters by their full names.
        metrics: Metrics by their full names; empty if the pipeline has not run.
        tracked: Files and folders tracked by DVC, by path.
    """

    name: str
    commit: str | None
    params: dict[str, Any]
    metrics: dict[str, Any]
    tracked: dict[str, Tracked]


def load(git: Git, store: Store, name: str) -> State:
    """Load the state of a version, a git revision, or the working tree (`.`).

    Raises:
        StateError: There is no such version or revision.
    """
    commit = None if name == TREE else _resolve(git, name)
    params = yaml.safe_load(read_text(git, commit, pipeline.PARAMS_FILE) or "{}")
    metrics = json.loads(read_text(git, commit, pipeline.METRICS_FILE) or "{}")
    tracked = {each.path: each for each in store.tracked(commit)}
    return State(name, commit, flatten(params), flatten(metrics), tracked)


def read_text(git: Git, commit: str | None, path: str) -> str | None:
    """Read a text file from a commit or the working tree; `None` if it does not exist."""
    if commit is not None:
        return git.run_or_none("show", f"{commit}:{path}")
    file = git.root / path
    return file.read_text(encoding="utf-8") if file.is_file() else None


def parse_csv(content: str | None) -> list[dict[str, str]]:
    """Parse a small CSV file."""
    return list(csv.DictReader(io.StringIO(content or "")))


def read_rows(git: Git, store: Store, state: State) -> Table:
    """Read the data of a state, from the cache or the remote.

    Raises:
        IntegrityError: It is missing or damaged.
        DataError: It violates its own contract.
    """
    contract = _contract(git, state.commit)
    if state.commit is None:
        return read(git.root / pipeline.DATA, contract, labelled=True)
    with TemporaryDirectory(prefix="data-") as folder:
        store.write(state.tracked[pipeline.DATA], Path(folder))
        return read(Path(folder) / pipeline.DATA, contract, labelled=True)


def _contract(git: Git, commit: str | None) -> Contract:
    content = yaml.safe_load(read_text(git, commit, pipeline.CONTRACT_FILE) or "")
    return parse(content, pipeline.CONTRACT_FILE)


def _resolve(git: Git, name: str) -> str:
    known = {each.version: each.commit for each in releases.releases(git)}
    return known.get(name.removeprefix(releases.PREFIX)) or git.commit(name)
