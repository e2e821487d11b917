"""Experiments: try parameters in a queue, look at the results, keep one or throw it away.

DVC runs each in a folder of its own and keeps it beside the branch, out of its history. MLflow gets
a run of each, which stays when the experiment is thrown away.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from dvc.exceptions import DvcException
from dvc.repo.experiments.exceptions import InvalidExpRevError

from ..errors import DataError, StateError
from ..manifest import flat
from .git import Git
from .mlflow_registry import log
from .state import state
from .store import Store

EXPERIMENT_TAG = "dvc.experiment"
OUTCOME_TAG = "outcome"


@dataclass(frozen=True, slots=True)
class Experiment:
    """An experiment that was run.

    Attributes:
        name: DVC's name for it.
        commit: The commit that DVC keeps it in.
        base: The commit it started from.
        params: Parameters by their full names.
        metrics: Figures by their full names.
    """

    name: str
    commit: str
    base: str
    params: dict[str, Any]
    metrics: dict[str, Any]


def grid(settings: Sequence[str]) -> list[list[str]]:
    """Combine `name=value,value...` with each other: one list of `name=value` per experiment.

    Raises:
        StateError: One of them is not of that form.
    """
    choices = []
    for setting in settings:
        name, equals, values = setting.partition("=")
        if not name or not equals or not all(values.split(",")):
            raise StateError(f"{setting!r}: write it like train.freedom=0.1,1,10")
        choices.append([f"{name}={value}" for value in values.split(",")])
    return [list(chosen) for chosen in itertools.product(*choices)]


def enqueue(store: Store, settings: Sequence[str]) -> int:
    """Put one experiment per combination into DVC's queue.

    Returns:
        How many.

    Raises:
        StateError: DVC does not take one, for example because there is no such parameter.
    """
    combined = grid(settings)
    for params in combined:
        try:
            store.repo.experiments.run(queue=True, params=params)
        except DvcException as error:
            raise StateError(f"{', '.join(params)}: {error}") from error
    return len(combined)


def run_queue(store: Store) -> tuple[int, int]:
    """Run what is in the queue, one after the other, each in a folder of its own.

    Returns:
        How many ran well, and how many failed.
    """
    queue = store.repo.experiments.celery_queue
    waiting = [*queue.iter_active(), *queue.iter_queued()]
    try:
        results = store.repo.experiments.reproduce_celery(waiting, jobs=1)
    except DvcException as error:
        raise DataError(f"the queue stopped: {error}") from error
    return len(results), len(waiting) - len(results)


def experiments(git: Git, store: Store, base: str = "HEAD") -> list[Experiment]:
    """List the experiments that started from a commit."""
    commit = git.commit(base)
    listed = git.run("for-each-ref", "refs/exps", "--format=%(objectname) %(refname)")
    found = []
    for line in listed.splitlines():
        name, _, reference = line.partition(" ")
        parts = reference.split("/")  # refs/exps/ab/cdef.../NAME
        if parts[2:4] != [commit[:2], commit[2:]]:
            continue
        side = state(git, store, name)
        found.append(Experiment("/".join(parts[4:]), name, commit, side.params, side.metrics))
    return sorted(found, key=lambda each: each.name)


def keep(store: Store, name: str) -> None:
    """Bring an experiment's files into the working tree, to be committed.

    Raises:
        StateError: There is no such experiment, or uncommitted work is in the way.
    """
    try:
        store.repo.experiments.apply(name)
    except (DvcException, InvalidExpRevError) as error:
        raise StateError(f"{name} cannot be kept: {error}") from error


def drop(store: Store, names: Iterable[str]) -> list[str]:
    """Throw experiments away.

    Raises:
        StateError: There is no such experiment.
    """
    try:
        return list(store.repo.experiments.remove(exp_names=list(names)))
    except DvcException as error:
        raise StateError(str(error)) from error


def track(client: Any, experiment: str, found: Iterable[Experiment]) -> int:
    """Enter experiments into MLflow, those that it does not have yet.

    Returns:
        How many were entered.
    """
    known = {
        run.data.tags.get("commit") for run in client.search_runs([experiment], max_results=1_000)
    }
    new = [each for each in found if each.commit not in known]
    for each in new:
        tags = {EXPERIMENT_TAG: each.name, "commit": each.commit, "base": each.base}
        run = client.create_run(experiment, run_name=each.name, tags=tags)
        log(client, run.info.run_id, flat(each.params), flat(each.metrics))
        client.set_terminated(run.info.run_id)
    return len(new)


def note(client: Any, experiment: str, names: Iterable[str], outcome: str) -> None:
    """Write down in MLflow what became of experiments: `kept` or `dropped`."""
    for name in names:
        wanted = f"tags.`{EXPERIMENT_TAG}` = '{name}'"
        for run in client.search_runs([experiment], wanted):
            client.set_tag(run.info.run_id, OUTCOME_TAG, outcome)
