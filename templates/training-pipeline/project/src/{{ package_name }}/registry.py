"""The model registry: which version is the champion, which one challenges it."""

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
"""Tag of a champion: the version that was champion before it."""

logger = logging.getLogger(__name__)


def register(tracker: Tracker, run_id: str, run: Run, model_uri: str, card: str) -> str:
    """Enter a run's model as a new version, and name it the challenger.

    Returns:
        The version; the one that is there already, if it is.
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
    """Look up the version with an alias; nothing if no version has it."""
    try:
        return tracker.client.get_model_version_by_alias(name, alias)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def fetch(tracker: Tracker, version: ModelVersion) -> Model:
    """Get a version's model and check that it is the one that was registered.

    Raises:
        RegistryError: It is damaged, or another one than was registered.
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
            f"is {found}, registered is {expected}"
        )
    return load_model(content)


def promote(tracker: Tracker, name: str, version: str) -> None:
    """Make a version the champion.

    What it replaces is noted first. Then the alias moves, which the registry does in one step:
    whoever asks for the champion gets the old one or the new one, never none.
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
    """Make the champion before this one the champion again.

    Returns:
        The version that was champion, and the one that is now.

    Raises:
        RegistryError: There is no champion, or none before it, or that one is damaged.
    """
    current = find(tracker, name)
    if current is None:
        raise RegistryError(f"{name} has no champion: nothing to roll back")
    before = current.tags.get(REPLACED_TAG)
    if before is None:
        raise RegistryError(f"version {current.version} is the first champion of {name}")
    fetch(tracker, tracker.client.get_model_version(name, before))
    tracker.client.set_registered_model_alias(name, CHAMPION, before)
    return str(current.version), before


def note(tracker: Tracker, name: str, version: str, decision: Decision) -> None:
    """Write the gate's decision onto the version."""
    client = tracker.client
    client.set_model_version_tag(
        name, version, "gate", "promoted" if decision.promote else "refused"
    )
    client.set_model_version_tag(name, version, "gate.reasons", "; ".join(decision.reasons))
