"""What a version is: one commit, one state of the data, one model, and how they came to be.

A release writes this into the message of its git tag; a model that is served lies beside a copy.
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
    """A file or a folder that DVC keeps.

    Attributes:
        path: Where it lies in the project, with `/` on every system.
        md5: DVC's name for its content; of a folder it ends in `.dir`.
        size: In bytes.
        files: How many files a folder holds.
    """

    path: str
    md5: str = Field(pattern=r"^[0-9a-f]{32}(\.dir)?$")
    size: int
    files: int | None = None


class Manifest(_Record):
    """A version, for machines.

    Attributes:
        version: Like `1.2.0`, or `unreleased`.
        commit: The commit it was made from and that brings it back; `None` if unreleased.
        parents: The versions it follows.
        data: The rows.
        model: What was learnt from them.
        params: Parameters of the pipeline.
        metrics: Figures on held-out rows.
        environment: Versions of Python and of the libraries that have a say in the model.
    """

    version: str
    commit: str | None = Field(pattern=r"^[0-9a-f]{40}$")
    parents: tuple[str, ...]
    data: Tracked
    model: Tracked
    params: dict[str, Any]
    metrics: dict[str, Any]
    environment: dict[str, str]


def order(version: str) -> tuple[int, int, int]:
    """Give what versions are sorted by.

    Raises:
        StateError: It is no version.
    """
    match = _VERSION.fullmatch(version)
    if match is None:
        raise StateError(f"{version!r} is no version: write three numbers, like 1.2.0")
    major, minor, patch = (int(part) for part in match.groups())
    return major, minor, patch


def flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Write nested values side by side: `{"train": {"seed": 0}}` becomes `{"train.seed": 0}`."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = value
    return found


def card(manifest: Manifest) -> str:
    """Write the model card: what the model is and what it is worth, for people."""
    where = manifest.commit or "a tree that was not committed"
    figures = "\n".join(f"| {name} | {value} |" for name, value in flat(manifest.metrics).items())
    params = "\n".join(f"| {name} | {value} |" for name, value in flat(manifest.params).items())
    made = ", ".join(f"{name} {version}" for name, version in manifest.environment.items())
    return f"""# Model {manifest.version}

- Model: `{manifest.model.path}`, {manifest.model.size} bytes, md5 `{manifest.model.md5}`.
- Data: `{manifest.data.path}`, {manifest.data.files or 1} files, md5 `{manifest.data.md5}`.
- Code: commit `{where}`.
- Follows: {", ".join(manifest.parents) or "nothing, it is the first"}.
- Made with: {made}.

It answers rows within the limits of its contract, which it carries with it, and refuses others.
Trust it as far as the figures go, and no further than the kind of data that it has learnt.

| figure on held-out rows | value |
| --- | --- |
{figures}

| parameter | value |
| --- | --- |
{params}
"""
