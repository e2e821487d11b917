"""The models folder that `predict` uses: versions put out ready for use, and which one is current.

serving/
current                     the version in use, a text file replaced in one step
<version>/model.onnx        the model
<version>/manifest.json     where it comes from
<version>/MODEL_CARD.md     the same for people
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
class Served:
    """A model in use: its bytes are those that its manifest names."""

    manifest: Manifest
    model: Model


def current(folder: Path) -> str | None:
    """Tell which version is in use; `None` if there is none."""
    try:
        return (folder / CURRENT_FILE).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None


def load(folder: Path) -> Served:
    """Load the version in use, and check that it is what it is said to be.

    Raises:
        ModelError: There is none, or it is damaged.
    """
    version = current(folder)
    if version is None:
        raise ModelError(f"there is no model in {folder}: `make serving/current` puts one there")
    path = folder / version
    try:
        manifest = Manifest.model_validate_json((path / MANIFEST_FILE).read_bytes())
        content = (path / MODEL_FILE).read_bytes()
    except (OSError, ValidationError) as error:
        raise ModelError(f"cannot read version {version} in {folder}: {error}") from error
    if (found := model.md5(content)) != manifest.model.md5:
        raise ModelError(
            f"{path / MODEL_FILE} is damaged or was changed: its md5 is {found}, the manifest "
            f"says {manifest.model.md5}"
        )
    return Served(manifest, model.load(content))


def put(folder: Path, manifest: Manifest, content: bytes) -> None:
    """Put a version beside the others, ready for use; it appears in one step.

    Raises:
        ModelError: The bytes are not those of the manifest, or no model that works here.
    """
    if (found := model.md5(content)) != manifest.model.md5:
        raise ModelError(
            f"the model of {manifest.version} is damaged: its md5 is {found}, {manifest.model.md5} "
            "was released"
        )
    model.check(model.load(content))
    folder.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".new-", dir=folder))
    target = folder / manifest.version
    try:
        scratch.chmod(0o755)  # mkdtemp's 0700 would lock out the user of a container
        (scratch / MODEL_FILE).write_bytes(content)
        (scratch / MANIFEST_FILE).write_text(manifest.model_dump_json(indent=2) + "\n")
        (scratch / CARD_FILE).write_text(card(manifest), encoding="utf-8")
        if target.exists():
            shutil.rmtree(target)
        scratch.rename(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def use(folder: Path, version: str) -> None:
    """Make a version that was put there the current one, in one step."""
    handle, name = tempfile.mkstemp(prefix=".current-", dir=folder)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(version + "\n")
    scratch = Path(name)
    scratch.chmod(0o644)
    scratch.replace(folder / CURRENT_FILE)
