"""The pipeline of `dvc.yaml`: run what changed, or tell what would run."""

import os
import sys
from pathlib import Path

import yaml
from dvc.exceptions import DvcException

from ..errors import DataError, StateError
from .store import Store

LOCK_FILE = "dvc.lock"
PARAMS_FILE = "params.yaml"
METRICS_FILE = "metrics.json"
CONTRACT_FILE = "contract.yaml"
DATA = "data/raw"
MODEL = "models/model.onnx"


def reproduce(store: Store) -> list[str]:
    """Run the stages of which code, parameters or inputs changed.

    Returns:
        The names of the stages that ran, in order.

    Raises:
        DataError: A stage failed; it has said why.
    """
    # Stages start `python`: the one that runs this.
    here = str(Path(sys.executable).parent)
    if here not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([here, os.environ.get("PATH", "")])
    try:
        return [stage.name for stage in store.repo.reproduce() if stage.name]
    except DvcException as error:
        cause = error.__cause__ or error
        raise DataError(f"the pipeline stopped: {cause}") from error


def stale(store: Store) -> list[str]:
    """Name the stages that `dvc.lock` does not describe any more.

    What is not on this machine is compared by its name: the data itself is not needed.

    Raises:
        StateError: DVC cannot read the pipeline.
    """
    try:
        known = list(store.repo.index.stages)
        with store.repo.lock:
            return [
                stage.name
                for stage in known
                if getattr(stage, "name", None)
                and stage.changed(allow_missing=True, upstream=known)
            ]
    except DvcException as error:
        raise StateError(f"DVC cannot read the pipeline: {error}") from error


def stages(lock: str) -> dict[str, dict[str, list[dict[str, str]]]]:
    """Read what a `dvc.lock` says: stage -> `deps` and `outs`, each with `path` and `md5`."""
    found: dict[str, dict[str, list[dict[str, str]]]] = (yaml.safe_load(lock) or {})["stages"]
    return found
