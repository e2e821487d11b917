"""Release a commit with its data and its model as a version."""

import platform
import time
from importlib import metadata

import orjson
import yaml

from ..errors import StateError
from ..manifest import Manifest, Tracked, version_key
from . import pipeline, releases
from .git import Git, GitError
from .releases import Release
from .store import Store

LIBRARIES = ("numpy", "onnx", "onnxruntime", "scikit-learn", "skl2onnx")
"""Libraries that influence the model."""
RETRY_DELAYS = (0.2, 0.5, 1.0, 2.0, 0.0)
"""Seconds after each attempt to push a tag that the remote rejects although it does not have it."""


def release(git: Git, store: Store, version: str) -> Release:
    """Push a commit's data, then tag the commit, then push the tag.

    The tag comes last, so a version that others can see is complete. After an interruption, the
    same call resumes.

    Args:
        git: The project's repository, with a clean working tree.
        store: The project's data.
        version: Three numbers, greater than every earlier version.

    Raises:
        StateError: The repository is not ready for a release, or the version already exists.
        IntegrityError: Data could not be pushed.
    """
    git.require_identity()
    remote = git.remote()
    if remote is not None:
        _fetch(git, remote)
    commit = git.commit()
    known = {each.version: each for each in releases.releases(git)}
    if version not in known:
        _check_releasable(git, store, version, commit)
    elif known[version].commit != commit:
        raise StateError(
            f"version {version} was released from commit {known[version].commit[:12]} by "
            f"{known[version].author}: choose another version"
        )
    store.push(store.tracked(commit))
    if version not in known:
        manifest = build_manifest(git, store, version, commit)
        git.run(
            *("tag", "--annotate", "--cleanup=verbatim", "--file=-", releases.tag(version), commit),
            stdin=releases.message(manifest),
        )
    if remote is not None:
        _push_tag(git, remote, version, is_new=version not in known)
    return releases.find(git, version)


def build_manifest(git: Git, store: Store, version: str, commit: str | None) -> Manifest:
    """Build the manifest of the working tree, which is assumed to match the commit.

    Raises:
        StateError: The pipeline has not run yet.
    """
    return Manifest(
        version=version,
        commit=commit,
        parents=releases.parents(git, commit or git.commit()),
        data=_tracked(store, pipeline.DATA),
        model=_tracked(store, pipeline.MODEL),
        params=yaml.safe_load((git.root / pipeline.PARAMS_FILE).read_text(encoding="utf-8")),
        metrics=orjson.loads((git.root / pipeline.METRICS_FILE).read_bytes()),
        environment=environment(),
    )


def environment() -> dict[str, str]:
    """Return the versions of Python and of the libraries that influence the model."""
    return {"python": platform.python_version()} | {
        name: metadata.version(name) for name in LIBRARIES
    }


def _tracked(store: Store, path: str) -> Tracked:
    found = {each.path: each for each in store.tracked()}
    if path not in found:
        raise StateError(f"{path} does not exist yet: create it with `make run`")
    return found[path]


def _check_releasable(git: Git, store: Store, version: str, commit: str) -> None:
    if changes := git.changes():
        more = f" and {len(changes) - 1} more" if len(changes) > 1 else ""
        raise StateError(
            f"there are uncommitted changes ({changes[0].strip()}{more}): a version is a commit, "
            "so commit first"
        )
    if not (git.root / pipeline.LOCK_FILE).exists():
        raise StateError("there is no model yet: run `make run`, then commit the results")
    if stages := pipeline.stale(store):
        raise StateError(
            f"{pipeline.LOCK_FILE} is stale ({', '.join(stages)}): run `make run`, then commit"
        )
    known = releases.releases(git)
    if (same := releases.of_commit(git, commit)) is not None:
        raise StateError(f"this commit is already version {same.version}: one commit, one version")
    if known and version_key(version) <= version_key(known[-1].version):
        raise StateError(f"{version} is not above {known[-1].version}, the latest version")
    version_key(version)  # rejects a malformed first version


def _fetch(git: Git, remote: str) -> None:
    try:
        git.run("fetch", "--tags", remote)
    except GitError as error:
        if "would clobber existing tag" not in str(error):
            raise
        raise StateError(
            f"a local version and one of the same name at {remote} differ: delete yours with "
            f"`git tag --delete NAME`, then choose another version ({error})"
        ) from error


def _push_tag(git: Git, remote: str, version: str, *, is_new: bool) -> None:
    """Push the tag; someone else may be pushing the same name at the same time."""
    name = releases.tag(version)
    for delay in RETRY_DELAYS:
        try:
            git.run("push", "--quiet", remote, f"refs/tags/{name}")
        except GitError as error:
            rejection = error
        else:
            return
        existing = git.run_or_none("ls-remote", remote, f"refs/tags/{name}")
        if existing is None:
            raise StateError(
                f"{name} was created, but {remote} cannot be reached: run the command again to "
                f"continue ({rejection})"
            ) from rejection
        if existing:
            if is_new:
                git.run("tag", "--delete", name)
            raise StateError(
                f"someone else has just released {version}: run `git fetch --tags`, then choose "
                "another version; your data is safe in the remote"
            ) from rejection
        time.sleep(delay)
    raise StateError(
        f"{name} was created, but {remote} rejects it: fix the cause, then run the command again "
        f"to continue ({rejection})"
    ) from rejection
