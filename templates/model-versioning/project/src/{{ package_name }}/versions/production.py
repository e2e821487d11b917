"""What is in production: promote a version, roll back, and put it where `predict` finds it."""

from datetime import UTC, datetime
from pathlib import Path

from .. import serving
from ..errors import StateError
from ..manifest import UNRELEASED
from ..settings import Settings
from . import pipeline, registry, releases
from .git import Git
from .git_tags import GitTags
from .registry import Event, Registry
from .release import describe
from .releases import Release
from .store import Store


def open_registry(settings: Settings, git: Git) -> Registry:
    """Open the registry that the settings name.

    Raises:
        RegistryError: It cannot be used.
    """
    if settings.registry == "git-tags":
        return GitTags(git)
    from .mlflow_registry import connect  # noqa: PLC0415 - MLflow takes seconds to import

    return connect(settings, git.root)


def promote(git: Git, store: Store, known: Registry, folder: Path, version: str) -> Release:
    """Make a version the one in production.

    It is fetched and checked, and tries itself, before anything changes. Then the registry says
    so, and then `predict` uses it.

    Raises:
        StateError: There is no such version, or it is in production already.
        IntegrityError: Its model is missing or damaged.
        ModelError: It does not answer here as it did when it was made.
        RegistryError: The registry did not take it; production is what it was.
    """
    release = releases.find(git, version)
    if registry.production(known.events()) == release.version:
        raise StateError(f"version {release.version} is in production already")
    return _change(git, store, known, folder, release, "promote")


def rollback(git: Git, store: Store, known: Registry, folder: Path) -> tuple[str, Release]:
    """Bring back the version that was in production before.

    Returns:
        The version that was in production, and the release that is now.

    Raises:
        StateError: There is none to go back to.
        IntegrityError: Its model is missing or damaged.
        RegistryError: The registry did not take it; production is what it was.
    """
    events = known.events()
    earlier = registry.before(events)
    now = registry.production(events)
    back = _change(git, store, known, folder, releases.find(git, earlier), "rollback")
    return str(now), back


def serve(git: Git, store: Store, known: Registry, folder: Path) -> Release:
    """Put the version in production where `predict` finds it: after a clone, for an image.

    Raises:
        StateError: Nothing is in production yet.
        IntegrityError: Its model is missing or damaged.
    """
    version = registry.production(known.events())
    if version is None:
        raise StateError("nothing is in production yet: `versions promote` changes that")
    release = releases.find(git, version)
    serving.put(folder, release.manifest, content(store, release))
    serving.use(folder, version)
    return release


def serve_unreleased(git: Git, store: Store, folder: Path) -> None:
    """Put the model of the working tree there: to try it, or to build a first image.

    Raises:
        StateError: There is none yet.
    """
    manifest = describe(git, store, UNRELEASED, None)
    serving.put(folder, manifest, (git.root / pipeline.MODEL).read_bytes())
    serving.use(folder, UNRELEASED)


def sync(git: Git, store: Store, known: Registry) -> dict[str, str]:
    """Enter every release that the registry lacks: after a clone, or into a new server.

    Returns:
        Version -> its name in the registry.
    """
    return {
        each.version: known.register(each, content(store, each)) for each in releases.releases(git)
    }


def content(store: Store, release: Release) -> bytes:
    """Read a release's model, from here or from the remote, and check it.

    Raises:
        IntegrityError: It is missing or damaged.
    """
    wanted = release.manifest.model
    return store.read(wanted.md5, f"{wanted.path} of {release.version}")


def _change(  # noqa: PLR0913, PLR0917 - the parts of one change
    git: Git, store: Store, known: Registry, folder: Path, release: Release, action: str
) -> Release:
    git.require_identity()
    found = content(store, release)
    serving.put(folder, release.manifest, found)
    known.register(release, found)
    who = git.run("var", "GIT_COMMITTER_IDENT").rpartition(" <")[0]
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    known.record(
        Event.model_validate({"action": action, "version": release.version, "by": who, "at": now})
    )
    serving.use(folder, release.version)
    return release
