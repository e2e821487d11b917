"""The trained model on disk: training saves it, serving loads it.

A models folder looks like this:

    models/
      current                      the version in use, a text file replaced in one step
      <version>/model.onnx         the model, a format that cannot run code when loaded
      <version>/manifest.json      what goes in, what comes out, where the model comes from
      <version>/MODEL_CARD.md      the same for people

A version is a digest of the model and of the meaning of its inputs and outputs, so training
the same data with the same seed gives the same version. Nothing here needs scikit-learn.
"""

import hashlib
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from .manifest import Manifest

MODEL_FILE = "model.onnx"
MANIFEST_FILE = "manifest.json"
CARD_FILE = "MODEL_CARD.md"
CURRENT_FILE = "current"

_VERSION = re.compile(r"[0-9a-f]{16}")


class ArtifactError(Exception):
    """The model on disk is missing, damaged or not what its manifest says."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """A verified model: `model` holds the very bytes whose sha256 was checked."""

    manifest: Manifest
    model: bytes
    path: Path


def current_version(models: Path) -> str:
    """Read which version is in use.

    Raises:
        ArtifactError: There is none yet, or the file does not hold a version.
    """
    try:
        version = (models / CURRENT_FILE).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        raise ArtifactError(f"no trained model in {models}: run `make train` first") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ArtifactError(f"cannot read {models / CURRENT_FILE}: {error}") from error
    if not _VERSION.fullmatch(version):
        raise ArtifactError(f"{models / CURRENT_FILE} does not hold a version: {version[:40]!r}")
    return version


def load(models: Path, version: str | None = None) -> Artifact:
    """Read a model and verify it against its manifest.

    Args:
        models: The models folder.
        version: Which one; the current one if not given.

    Raises:
        ArtifactError: It is missing, damaged, or not what the manifest says.
    """
    version = version or current_version(models)
    if not _VERSION.fullmatch(version):
        raise ArtifactError(f"not a version: {version[:40]!r}")
    path = models / version
    try:
        manifest = Manifest.model_validate_json((path / MANIFEST_FILE).read_bytes())
        model = (path / MODEL_FILE).read_bytes()
    except OSError as error:
        raise ArtifactError(f"cannot read model {version}: {error}") from error
    except ValidationError as error:
        detail = error.errors()[0]
        where = ".".join(map(str, detail["loc"]))
        raise ArtifactError(
            f"{path / MANIFEST_FILE} is not a valid manifest: {where} {detail['msg']}"
        ) from error
    if manifest.version != version:
        raise ArtifactError(f"the folder {path} holds version {manifest.version}")
    if (digest := hashlib.sha256(model).hexdigest()) != manifest.model.sha256:
        raise ArtifactError(
            f"{path / MODEL_FILE} is damaged or was changed: its sha256 is {digest}, "
            f"the manifest says {manifest.model.sha256}"
        )
    return Artifact(manifest, model, path)


def save(models: Path, manifest: Manifest, model: bytes, card: str) -> Artifact:
    """Write a model beside the others and make it the current one.

    Readers never see a half-written model: the folder appears in one step, and only then
    does `current` change, in one step too.

    Raises:
        ArtifactError: The model is not the one that the manifest describes.
        OSError: The models folder cannot be written.
    """
    if hashlib.sha256(model).hexdigest() != manifest.model.sha256:
        raise ArtifactError("the manifest describes another model")
    models.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".new-", dir=models))
    try:
        scratch.chmod(0o755)  # mkdtemp's 0700 would lock out the user of a container
        (scratch / MODEL_FILE).write_bytes(model)
        (scratch / MANIFEST_FILE).write_text(
            manifest.model_dump_json(indent=2) + "\n", encoding="utf-8"
        )
        (scratch / CARD_FILE).write_text(card, encoding="utf-8")
        _move_into_place(scratch, models / manifest.version)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    use(models, manifest.version)
    return load(models, manifest.version)


def use(models: Path, version: str) -> None:
    """Make an existing version the current one: a roll-back, or a roll-forward.

    Raises:
        ArtifactError: That version is missing or damaged; the current one stays.
    """
    load(models, version)
    handle, name = tempfile.mkstemp(prefix=".current-", dir=models)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(version + "\n")
    scratch = Path(name)
    scratch.chmod(0o644)
    scratch.replace(models / CURRENT_FILE)


def versions(models: Path) -> list[str]:
    """List the versions in a models folder, in alphabetical order."""
    return sorted(p.name for p in models.glob("*") if p.is_dir() and _VERSION.fullmatch(p.name))


def _move_into_place(scratch: Path, target: Path) -> None:
    """Rename `scratch` to `target`, or renew the files of the same version one by one.

    A version is a digest of its model, so a renewed folder is valid between any two files.
    """
    if target.is_dir():
        for file in scratch.iterdir():
            file.replace(target / file.name)
    else:
        scratch.rename(target)
