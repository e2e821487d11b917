"""Experiments: queue parameter combinations, compare the results, keep or drop them.

DVC runs each experiment in a temporary folder and stores it outside the branch's history. Each is
also logged as a run to MLflow, which keeps it when the experiment is dropped.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from dvc.exceptions import DvcException
from dvc.repo.experiments.exceptions import InvalidExpRevError

from ..errors import DataError, StateError
from ..manifest import flatten
from .git import Git
from .mlflow_registry import log_values
from .state import load
from .store import Store

EXPERIMENT_TAG = "dvc.experiment"
OUTCOME_TAG = "outcome"


@dataclass(frozen=True, slots=True)
class Experiment:
    """A finished experiment.

    Attributes:
        name: DVC's name for it.
        commit: The commit that DVC stores it in.
        base: The commit it started from.
        params: Parameters by their full names.
        metrics: Metrics by their full names.
    """

    name: str
    commit: str
    base: str
    params: dict[str, Any]
    metrics: dict[str, Any]


def grid(settings: Sequence[str]) -> list[list[str]]:
    """Expand `name=value,value...` settings: one list of `name=value` per combination.

    Raises:
        StateError: A setting does not have that form.
    """
    choices = []
    for setting in settings:
        name, equals, values = setting.partition("=")
        if not name or not equals or not all(values.split(",")):
            raise StateError(f"{setting!r}: write it like train.C=0.1,1,10")
        choices.append([f"{name}={value}" for value in values.split(",")])
    return [list(combination) for combination in itertools.product(*choices)]


def enqueue(store: Store, settings: Sequence[str]) -> int:
    """Add one experiment per combination to DVC's queue.

    Returns:
        The number of experiments.

    Raises:
        StateError: DVC rejects one, for example because there is no such parameter.
    """
    combinations = grid(settings)
    for params in combinations:
        try:
            store.repo.experiments.run(queue=True, params=params)
        except DvcException as error:
            raise StateError(f"{', '.join(params)}: {error}") from error
    return len(combinations)


def run_queue(store: Store) -> tuple[int, int]:
    """Run the queued experiments one after the other, each in a temporary folder.

    Returns:
        How many succeeded, and how many failed.
    """
    queue = store.repo.experiments.celery_queue
    entries = [*queue.iter_active(), *queue.iter_queued()]
    try:
        results = store.repo.experiments.reproduce_celery(entries, jobs=1)
    except DvcException as error:
        raise DataError(f"the queue stopped: {error}") from error
    return len(results), len(entries) - len(results)


def experiments(git: Git, store: Store, base: str = "HEAD") -> list[Experiment]:
    """List the experiments that started from a commit."""
    commit = git.commit(base)
    listed = git.run("for-each-ref", "refs/exps", "--format=%(objectname) %(refname)")
    found = []
    for line in listed.splitlines():
        experiment_commit, _, reference = line.partition(" ")
        parts = reference.split("/")  # refs/exps/ab/cdef.../NAME
        if parts[2:4] != [commit[:2], commit[2:]]:
            continue
        result = load(git, store, experiment_commit)
        name = "/".join(parts[4:])
        found.append(Experiment(name, experiment_commit, commit, result.params, result.metrics))
    return sorted(found, key=lambda each: each.name)


def keep(store: Store, name: str) -> None:
    """Apply an experiment to the working tree, to be committed.

    Raises:
        StateError: There is no such experiment, or it conflicts with uncommitted changes.
    """
    try:
        store.repo.experiments.apply(name)
    except (DvcException, InvalidExpRevError) as error:
        raise StateError(f"{name} cannot be kept: {error}") from error


def drop(store: Store, names: Iterable[str]) -> list[str]:
    """Delete experiments.

    Raises:
        StateError: There is no such experiment.
    """
    try:
        return list(store.repo.experiments.remove(exp_names=list(names)))
    except DvcException as error:
        raise StateError(str(error)) from error


def log_to_mlflow(client: Any, experiment: str, found: Iterable[Experiment]) -> int:
    """Log the experiments that MLflow does not have yet.

    Returns:
        How many were logged.
    """
    known = {
        run.data.tags.get("commit") for run in client.search_runs([experiment], max_results=1_000)
    }
    new = [each for each in found if each.commit not in known]
    for each in new:
        tags = {EXPERIMENT_TAG: each.name, "commit": each.commit, "base": each.base}
        run = client.create_run(experiment, run_name=each.name, tags=tags)
        log_values(client, run.info.run_id, flatten(each.params), flatten(each.metrics))
        client.set_terminated(run.info.run_id)
    return len(new)


def record_outcome(client: Any, experiment: str, names: Iterable[str], outcome: str) -> None:
    """Record the outcome of experiments in MLflow: `kept` or `dropped`."""
    for name in names:
        by_name = f"tags.`{EXPERIMENT_TAG}` = '{name}'"
        for run in client.search_runs([experiment], by_name):
            client.set_tag(run.info.run_id, OUTCOME_TAG, outcome)
