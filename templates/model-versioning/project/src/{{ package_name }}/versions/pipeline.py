"""The pipeline in `dvc.yaml`: run changed stages, or list the stages that would run."""

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
    """Run the stages whose code, parameters or inputs changed.

    Returns:
        The names of the stages that ran, in order.

    Raises:
        DataError: A stage failed; it has already printed why.
    """
    # Stages run `python`, which has to be this interpreter.
    bin_folder = str(Path(sys.executable).parent)
    if bin_folder not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([bin_folder, os.environ.get("PATH", "")])
    try:
        return [stage.name for stage in store.repo.reproduce() if stage.name]
    except DvcException as error:
        cause = error.__cause__ or error
        raise DataError(f"the pipeline stopped: {cause}") from error


def stale(store: Store) -> list[str]:
    """List the stages whose code, parameters or inputs no longer match `dvc.lock`.

    Data that is not on this machine is compared by its hash, so it does not have to be pulled.

    Raises:
        StateError: DVC cannot read the pipeline.
    """
    try:
        all_stages = list(store.repo.index.stages)
        with store.repo.lock:
            return [
                stage.name
                for stage in all_stages
                if getattr(stage, "name", None)
                and stage.changed(allow_missing=True, upstream=all_stages)
            ]
    except DvcException as error:
        raise StateError(f"DVC cannot read the pipeline: {error}") from error


def stages(lock: str) -> dict[str, dict[str, list[dict[str, str]]]]:
    """Parse a `dvc.lock`: stage -> `deps` and `outs`, each with `path` and `md5`."""
    found: dict[str, dict[str, list[dict[str, str]]]] = (yaml.safe_load(lock) or {})["stages"]
    return found
