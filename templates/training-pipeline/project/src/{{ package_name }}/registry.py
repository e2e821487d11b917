"""The model registry: registered versions, the champion and the challenger."""

import hashlib
import logging
from pathlib import Path

import mlflow.artifacts
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from .decision import Decision
from .errors import RegistryError
from .model import Model
from .model import load as load_model
from .runs import Run
from .tracking import KEY_TAG, Tracker

CHAMPION = "champion"
CHALLENGER = "challenger"
SHA_TAG = "model.sha256"
REPLACED_TAG = "replaced"
"""Tag of a champion: the version that it replaced."""

logger = logging.getLogger(__name__)


def register(tracker: Tracker, run_id: str, run: Run, model_uri: str, card: str) -> str:
    """Register a run's model as a new version and make it the challenger.

    Returns:
        The version; if the run's model is already registered, the existing one.
    """
    client, name = tracker.client, run.config.name
    try:
        client.get_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        client.create_registered_model(name)
    found = client.search_model_versions(f"name = '{name}' and run_id = '{run_id}'")
    version = (
        found[0]
        if found
        else client.create_model_version(
            name,
            model_uri,
            run_id,
            tags={KEY_TAG: run.key, SHA_TAG: str(run.sha256)},
            description=card,
            model_id=model_uri.removeprefix("models:/"),
        )
    )
    client.set_registered_model_alias(name, CHALLENGER, str(version.version))
    return str(version.version)


def find(tracker: Tracker, name: str, alias: str = CHAMPION) -> ModelVersion | None:
    """Look up the version with an alias; `None` if no version has it."""
    try:
        return tracker.client.get_model_version_by_alias(name, alias)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def fetch(tracker: Tracker, version: ModelVersion) -> Model:
    """Download a version's model and verify that it is the registered one.

    Raises:
        RegistryError: Its digest is not the registered one.
    """
    folder = mlflow.artifacts.download_artifacts(
        artifact_uri=f"models:/{version.name}/{version.version}",
        tracking_uri=tracker.client.tracking_uri,
    )
    content = (Path(folder) / "model.onnx").read_bytes()
    found, expected = hashlib.sha256(content).hexdigest(), version.tags.get(SHA_TAG)
    if found != expected:
        raise RegistryError(
            f"version {version.version} of {version.name} is damaged or was changed: its sha256 "
            f"is {found}, but {expected} was registered"
        )
    return load_model(content)


def promote(tracker: Tracker, name: str, version: str) -> None:
    """Promote a version to champion.

    The version it replaces is recorded first. Then the registry moves the alias atomically:
    clients get the old champion or the new one, never none.
    """
    current = find(tracker, name)
    if current is not None and str(current.version) != version:
        tracker.client.set_model_version_tag(name, version, REPLACED_TAG, str(current.version))
    tracker.client.set_registered_model_alias(name, CHAMPION, version)
    challenger = find(tracker, name, CHALLENGER)
    if challenger is not None and str(challenger.version) == version:
        tracker.client.delete_registered_model_alias(name, CHALLENGER)
    logger.info("promoted", extra={"facts": {"model": name, "version": version}})


def rollback(tracker: Tracker, name: str) -> tuple[str, str]:
    """Restore the previous champion.

    Returns:
        The version that was the champion, and the one that is now.

    Raises:
        RegistryError: There is no champion, or no previous one, or the previous one is damaged.
    """
    current = find(tracker, name)
    if current is None:
        raise RegistryError(f"{name} has no champion, so there is nothing to roll back")
    previous = current.tags.get(REPLACED_TAG)
    if previous is None:
        raise RegistryError(
            f"version {current.version} is the first champion of {name}, so there is nothing to "
            "roll back to"
        )
    fetch(tracker, tracker.client.get_model_version(name, previous))
    tracker.client.set_registered_model_alias(name, CHAMPION, previous)
    return str(current.version), previous


def record_decision(tracker: Tracker, name: str, version: str, decision: Decision) -> None:
    """Record the gate's decision as tags of the version."""
    client = tracker.client
    client.set_model_version_tag(
        name, version, "gate", "promoted" if decision.promote else "rejected"
    )
    client.set_model_version_tag(name, version, "gate.reasons", "; ".join(decision.reasons))
