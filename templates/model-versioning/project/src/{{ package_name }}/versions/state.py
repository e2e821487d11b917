"""What a commit, or the working tree, holds: parameters, figures, data and plots, side by side."""

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
from ..manifest import Tracked, flat
from . import pipeline, releases
from .git import Git
from .store import Store

TREE = "."
"""Names the working tree where a version or a revision is asked for."""


@dataclass(frozen=True, slots=True)
class State:
    """A side of a comparison.

    Attributes:
        name: What it was called: a version, a revision, or `.`.
        commit: Its commit; `None` for the working tree.
        params: Parameters by their full names.
        metrics: Figures by their full names; none if the pipeline was not run.
        tracked: What DVC keeps of it, by path.
    """

    name: str
    commit: str | None
    params: dict[str, Any]
    metrics: dict[str, Any]
    tracked: dict[str, Tracked]


def state(git: Git, store: Store, name: str) -> State:
    """Look at a version, a revision of git, or the working tree (`.`).

    Raises:
        StateError: There is no such thing.
    """
    commit = None if name == TREE else _commit(git, name)
    params = yaml.safe_load(text(git, commit, pipeline.PARAMS_FILE) or "{}")
    metrics = json.loads(text(git, commit, pipeline.METRICS_FILE) or "{}")
    tracked = {each.path: each for each in store.tracked(commit)}
    return State(name, commit, flat(params), flat(metrics), tracked)


def text(git: Git, commit: str | None, path: str) -> str | None:
    """Read a text file of a commit, or of the working tree; `None` if it is not there."""
    if commit is not None:
        return git.ask("show", f"{commit}:{path}")
    file = git.root / path
    return file.read_text(encoding="utf-8") if file.is_file() else None


def cells(content: str | None) -> list[dict[str, str]]:
    """Read a small CSV file that git keeps."""
    return list(csv.DictReader(io.StringIO(content or "")))


def rows(git: Git, store: Store, side: State) -> Table:
    """Read the data of a state, from the cache or the remote.

    Raises:
        IntegrityError: It is nowhere, or damaged.
        DataError: It breaks its own contract.
    """
    contract = _contract(git, side.commit)
    if side.commit is None:
        return read(git.root / pipeline.DATA, contract, labelled=True)
    with TemporaryDirectory(prefix="data-") as folder:
        store.write(side.tracked[pipeline.DATA], Path(folder))
        return read(Path(folder) / pipeline.DATA, contract, labelled=True)


def _contract(git: Git, commit: str | None) -> Contract:
    content = yaml.safe_load(text(git, commit, pipeline.CONTRACT_FILE) or "")
    return parse(content, pipeline.CONTRACT_FILE)


def _commit(git: Git, name: str) -> str:
    known = {each.version: each.commit for each in releases.releases(git)}
    return known.get(name.removeprefix(releases.PREFIX)) or git.commit(name)
