"""The manifest of a version: one commit, one state of the data, one model, and their lineage.

A release stores it in the message of its git tag; a served model has a copy next to it.
"""

import re
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from .errors import StateError

UNRELEASED = "unreleased"
_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Tracked(_Record):
    """A file or folder tracked by DVC.

    Attributes:
        path: Its path in the project, with `/` on every system.
        md5: DVC's hash of its content; a folder's ends in `.dir`.
        size: Size in bytes.
        files: Number of files in a folder.
    """

    path: str
    md5: str = Field(pattern=r"^[0-9a-f]{32}(\.dir)?$")
    size: int
    files: int | None = None


class Manifest(_Record):
    """The machine-readable description of a version.

    Attributes:
        version: Like `1.2.0`, or `unreleased`.
        commit: The commit it was released from, which also restores it; `None` if unreleased.
        parents: The versions it is based on.
        data: The data set.
        model: The model trained on it.
        params: Parameters of the pipeline.
        metrics: Metrics on held-out rows.
        environment: Versions of Python and of the libraries that influence the model.
    """

    version: str
    commit: str | None = Field(pattern=r"^[0-9a-f]{40}$")
    parents: tuple[str, ...]
    data: Tracked
    model: Tracked
    params: dict[str, Any]
    metrics: dict[str, Any]
    environment: dict[str, str]


def version_key(version: str) -> tuple[int, int, int]:
    """Return the sort key of a version.

    Raises:
        StateError: It is not a valid version.
    """
    match = _VERSION.fullmatch(version)
    if match is None:
        raise StateError(f"{version!r} is not a valid version: use three numbers, like 1.2.0")
    major, minor, patch = (int(part) for part in match.groups())
    return major, minor, patch


def flatten(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Flatten nested values: `{"train": {"seed": 0}}` becomes `{"train.seed": 0}`."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat


def card(manifest: Manifest) -> str:
    """Render the model card: a human-readable summary of the model and its metrics."""
    commit = f"commit `{manifest.commit}`" if manifest.commit else "not committed"
    metrics = "\n".join(
        f"| {name} | {value} |" for name, value in flatten(manifest.metrics).items()
    )
    params = "\n".join(f"| {name} | {value} |" for name, value in flatten(manifest.params).items())
    environment = ", ".join(f"{name} {version}" for name, version in manifest.environment.items())
    return f"""# Model {manifest.version}

- Model: `{manifest.model.path}`, {manifest.model.size} bytes, md5 `{manifest.model.md5}`.
- Data: `{manifest.data.path}`, {manifest.data.files or 1} files, md5 `{manifest.data.md5}`.
- Code: {commit}.
- Based on: {", ".join(manifest.parents) or "no version, it is the first"}.
- Environment: {environment}.

The model contains its data contract: rows that satisfy it are predicted, others are rejected. The
metrics below hold only for data like the data it was trained on.

| metric on held-out rows | value |
| --- | --- |
{metrics}

| parameter | value |
| --- | --- |
{params}
"""
