"""The model bundle: the trained model on disk, which training saves and serving loads.

A models folder looks like this:

    models/
      current                      the version in use, a text file replaced in one step
      <version>/model.onnx         the model, in a format that cannot run code when loaded
      <version>/manifest.json      its inputs, its outputs and its origin
      <version>/MODEL_CARD.md      the same, for people

A version is a digest of the model and of the meaning of its inputs and outputs, so training
on the same data with the same seed gives the same version. Nothing here needs scikit-learn.
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


class BundleError(Exception):
    """The bundle is missing, damaged or not what its manifest says."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A verified bundle: `model` holds the exact bytes whose sha256 was checked."""

    manifest: Manifest
    model: bytes
    path: Path


def current_version(models: Path) -> str:
    """Return the version in use.

    Raises:
        BundleError: There is none yet, or the file does not hold a version.
    """
    try:
        version = (models / CURRENT_FILE).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        raise BundleError(f"no trained model in {models}: run `make train` first") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BundleError(f"cannot read {models / CURRENT_FILE}: {error}") from error
    if not _VERSION.fullmatch(version):
        raise BundleError(f"{models / CURRENT_FILE} does not hold a version: {version[:40]!r}")
    return version


def load(models: Path, version: str | None = None) -> Bundle:
    """Load a bundle and verify it against its manifest.

    Args:
        models: The models folder.
        version: The version to load; by default the current one.

    Raises:
        BundleError: It is missing, damaged or not what its manifest says.
    """
    version = version or current_version(models)
    if not _VERSION.fullmatch(version):
        raise BundleError(f"not a version: {version[:40]!r}")
    path = models / version
    try:
        manifest = Manifest.model_validate_json((path / MANIFEST_FILE).read_bytes())
        model = (path / MODEL_FILE).read_bytes()
    except OSError as error:
        raise BundleError(f"cannot read model {version}: {error}") from error
    except ValidationError as error:
        detail = error.errors()[0]
        where = ".".join(map(str, detail["loc"]))
        raise BundleError(
            f"{path / MANIFEST_FILE} is not a valid manifest: {where} {detail['msg']}"
        ) from error
    if manifest.version != version:
        raise BundleError(f"the folder {path} holds version {manifest.version}")
    if (digest := hashlib.sha256(model).hexdigest()) != manifest.model.sha256:
        raise BundleError(
            f"{path / MODEL_FILE} is damaged or was changed: its sha256 is {digest}, "
            f"but the manifest says {manifest.model.sha256}"
        )
    return Bundle(manifest, model, path)


def save(models: Path, manifest: Manifest, model: bytes, card: str) -> Bundle:
    """Save a bundle next to the others and make it the current one.

    Readers never see a partial write: the folder appears in one step, and only then is
    `current` replaced, also in one step.

    Raises:
        BundleError: The model is not the one that the manifest describes.
        OSError: The models folder cannot be written to.
    """
    if hashlib.sha256(model).hexdigest() != manifest.model.sha256:
        raise BundleError("the manifest describes a different model")
    models.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".new-", dir=models))
    try:
        scratch.chmod(0o755)  # mkdtemp sets 0700, which would lock out the user of a container
        (scratch / MODEL_FILE).write_bytes(model)
        (scratch / MANIFEST_FILE).write_text(
            manifest.model_dump_json(indent=2) + "\n", encoding="utf-8"
        )
        (scratch / CARD_FILE).write_text(card, encoding="utf-8")
        _move_into_place(scratch, models / manifest.version)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    set_current(models, manifest.version)
    return load(models, manifest.version)


def set_current(models: Path, version: str) -> None:
    """Make an existing version the current one, to roll back or forward.

    Raises:
        BundleError: That version is missing or damaged; the current one is unchanged.
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
    """Rename `scratch` to `target`, or replace the files of an existing version one by one.

    A version is a digest of its model, so the folder stays valid between any two replacements.
    """
    if target.is_dir():
        for file in scratch.iterdir():
            file.replace(target / file.name)
    else:
        scratch.rename(target)
