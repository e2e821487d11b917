"""The serving folder that `predict` uses: installed versions, and which one is current.

serving/
current                     the current version, a text file that is replaced atomically
<version>/model.onnx        the model
<version>/manifest.json     its manifest
<version>/MODEL_CARD.md     its model card
"""

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from . import model
from .errors import ModelError
from .manifest import Manifest, card
from .model import Model

CURRENT_FILE = "current"
MODEL_FILE = "model.onnx"
MANIFEST_FILE = "manifest.json"
CARD_FILE = "MODEL_CARD.md"


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model with its manifest; the model's digest matches the manifest."""

    manifest: Manifest
    model: Model


def current(folder: Path) -> str | None:
    """Return the current version; `None` if there is none."""
    try:
        return (folder / CURRENT_FILE).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None


def load(folder: Path) -> ServedModel:
    """Load the current version and verify it against its manifest.

    Raises:
        ModelError: There is no current version, or it is damaged.
    """
    version = current(folder)
    if version is None:
        raise ModelError(f"there is no model in {folder}: `make serving/current` installs one")
    path = folder / version
    try:
        manifest = Manifest.model_validate_json((path / MANIFEST_FILE).read_bytes())
        content = (path / MODEL_FILE).read_bytes()
    except (OSError, ValidationError) as error:
        raise ModelError(f"cannot read version {version} in {folder}: {error}") from error
    if (found := model.md5(content)) != manifest.model.md5:
        raise ModelError(
            f"{path / MODEL_FILE} is damaged or was changed: its md5 is {found}, but the manifest "
            f"says {manifest.model.md5}"
        )
    return ServedModel(manifest, model.load(content))


def install(folder: Path, manifest: Manifest, content: bytes) -> None:
    """Install a version in the serving folder atomically, without making it the current one.

    Raises:
        ModelError: The bytes do not match the manifest, or the model does not work here.
    """
    if (found := model.md5(content)) != manifest.model.md5:
        raise ModelError(
            f"the model of {manifest.version} is damaged: its md5 is {found}, but "
            f"{manifest.model.md5} was released"
        )
    model.self_check(model.load(content))
    folder.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=".new-", dir=folder))
    target = folder / manifest.version
    try:
        staging.chmod(0o755)  # a container's user could not read mkdtemp's 0700
        (staging / MODEL_FILE).write_bytes(content)
        (staging / MANIFEST_FILE).write_text(manifest.model_dump_json(indent=2) + "\n")
        (staging / CARD_FILE).write_text(card(manifest), encoding="utf-8")
        if target.exists():
            shutil.rmtree(target)
        staging.rename(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def activate(folder: Path, version: str) -> None:
    """Make an installed version the current one, atomically."""
    handle, name = tempfile.mkstemp(prefix=".current-", dir=folder)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(version + "\n")
    temporary = Path(name)
    temporary.chmod(0o644)
    temporary.replace(folder / CURRENT_FILE)
