"""The version in production: promote, roll back, and install it for `predict`."""

from datetime import UTC, datetime
from pathlib import Path

from .. import serving
from ..errors import StateError
from ..manifest import UNRELEASED
from ..settings import Settings
from . import pipeline, registry, releases
from .git import Git
from .git_tags import GitTagRegistry
from .registry import Event, Registry
from .release import build_manifest
from .releases import Release
from .store import Store


def open_registry(settings: Settings, git: Git) -> Registry:
    """Open the configured registry.

    Raises:
        RegistryError: It is unavailable.
    """
    if settings.registry == "git-tags":
        return GitTagRegistry(git)
    from .mlflow_registry import connect  # noqa: PLC0415 - MLflow takes seconds to import

    return connect(settings, git.root)


def promote(
    git: Git, store: Store, model_registry: Registry, folder: Path, version: str
) -> Release:
    """Put a version into production.

    Its model is fetched, verified and self-checked before anything changes. Then the registry
    records the promotion, and then `predict` uses the model.

    Raises:
        StateError: There is no such version, or it is already in production.
        IntegrityError: Its model is missing or damaged.
        ModelError: Its model fails its self-check on this machine.
        RegistryError: The registry rejected the promotion; production is unchanged.
    """
    release = releases.find(git, version)
    if registry.production(model_registry.events()) == release.version:
        raise StateError(f"version {release.version} is already in production")
    return _switch(git, store, model_registry, folder, release, "promote")


def rollback(git: Git, store: Store, model_registry: Registry, folder: Path) -> tuple[str, Release]:
    """Put the previous version back into production.

    Returns:
        The version that was in production, and the release that is now.

    Raises:
        StateError: There is no previous version.
        IntegrityError: Its model is missing or damaged.
        RegistryError: The registry rejected the rollback; production is unchanged.
    """
    events = model_registry.events()
    target = releases.find(git, registry.previous(events))
    was = registry.production(events)
    return str(was), _switch(git, store, model_registry, folder, target, "rollback")


def serve(git: Git, store: Store, model_registry: Registry, folder: Path) -> Release:
    """Install the version in production for `predict`: after a clone, or to build an image.

    Raises:
        StateError: Nothing is in production yet.
        IntegrityError: Its model is missing or damaged.
    """
    version = registry.production(model_registry.events())
    if version is None:
        raise StateError("nothing is in production yet: run `versions promote VERSION`")
    release = releases.find(git, version)
    serving.install(folder, release.manifest, read_model(store, release))
    serving.activate(folder, version)
    return release


def serve_unreleased(git: Git, store: Store, folder: Path) -> None:
    """Install the model of the working tree: to try it, or to build a first image.

    Raises:
        StateError: There is no model yet.
    """
    manifest = build_manifest(git, store, UNRELEASED, None)
    serving.install(folder, manifest, (git.root / pipeline.MODEL).read_bytes())
    serving.activate(folder, UNRELEASED)


def sync(git: Git, store: Store, model_registry: Registry) -> dict[str, str]:
    """Register every release that the registry lacks: after a clone, or on a new server.

    Returns:
        Version -> its name in the registry.
    """
    return {
        each.version: model_registry.register(each, read_model(store, each))
        for each in releases.releases(git)
    }


def read_model(store: Store, release: Release) -> bytes:
    """Read a release's model from the cache or the remote, and verify it.

    Raises:
        IntegrityError: It is missing or damaged.
    """
    tracked = release.manifest.model
    return store.read(tracked.md5, f"{tracked.path} of {release.version}")


def _switch(  # noqa: PLR0913, PLR0917 - the inputs of one promotion
    git: Git, store: Store, model_registry: Registry, folder: Path, release: Release, action: str
) -> Release:
    git.require_identity()
    content = read_model(store, release)
    serving.install(folder, release.manifest, content)
    model_registry.register(release, content)
    user = git.run("var", "GIT_COMMITTER_IDENT").rpartition(" <")[0]
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    model_registry.record(
        Event.model_validate({"action": action, "version": release.version, "by": user, "at": now})
    )
    serving.activate(folder, release.version)
    return release
