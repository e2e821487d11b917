"""The lineage of a version: code, data, parameters, stages, and parent versions."""

from dataclasses import dataclass
from typing import Any

from ..manifest import Tracked, flatten
from . import pipeline, registry, releases
from .git import Git
from .registry import Registry
from .releases import Release


@dataclass(frozen=True, slots=True)
class Lineage:
    """The lineage of a version.

    Attributes:
        release: The version.
        subject: First line of its commit message.
        registered: Its name in the registry; `None` if it is not registered.
        production: Whether it is in production.
        stages: Stage -> paths and md5s of its inputs (`deps`) and outputs (`outs`).
    """

    release: Release
    subject: str
    registered: str | None
    production: bool
    stages: dict[str, dict[str, list[dict[str, str]]]]


def lineage(git: Git, model_registry: Registry, version: str) -> Lineage:
    """Look up the lineage of a version; `production` stands for the one in production.

    Raises:
        StateError: There is no such version.
    """
    now = registry.production(model_registry.events())
    release = releases.find(git, now if version == "production" and now else version)
    lock = git.run("show", f"{release.commit}:{pipeline.LOCK_FILE}")
    return Lineage(
        release=release,
        subject=git.run("log", "-1", "--format=%s", release.commit).strip(),
        registered=model_registry.name_of(release.version),
        production=now == release.version,
        stages=pipeline.stages(lock),
    )


def as_json(found: Lineage) -> dict[str, Any]:
    """Convert a lineage to JSON."""
    return {
        **found.release.manifest.model_dump(),
        "author": found.release.author,
        "date": found.release.date,
        "subject": found.subject,
        "registered": found.registered,
        "production": found.production,
        "stages": found.stages,
    }


def as_text(found: Lineage) -> str:
    """Format a lineage for people."""
    release, manifest = found.release, found.release.manifest
    lines = [
        f"version {release.version}{'  (in production)' if found.production else ''}",
        f"  released   {release.date} by {release.author}",
        f"  based on   {', '.join(manifest.parents) or 'no version, it is the first'}",
        f"  code       commit {release.commit}",
        f"             {found.subject}",
        f"  data       {_tracked(manifest.data)}",
        f"  model      {_tracked(manifest.model)}",
        f"  registered {found.registered or 'no: `versions sync` registers it'}",
        "  stages",
    ]
    for name, stage in found.stages.items():
        inputs = [each["path"] for each in stage.get("deps", []) if not _is_code(each["path"])]
        outputs = [each["path"] for each in stage.get("outs", [])]
        lines.append(f"    {name:<10} {', '.join(inputs)} -> {', '.join(outputs)}")
    for title, values in (
        ("parameters", flatten(manifest.params)),
        ("metrics", flatten(manifest.metrics)),
        ("environment", manifest.environment),
    ):
        lines.append(f"  {title}")
        lines += [f"    {name:<24} {value}" for name, value in values.items()]
    return "\n".join(lines)


def _is_code(path: str) -> bool:
    return path.endswith(".py")


def _tracked(each: Tracked) -> str:
    return f"{each.path}, md5 {each.md5}, {each.size:,} bytes"
