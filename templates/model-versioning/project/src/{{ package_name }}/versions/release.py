"""Release: give a commit, its data and its model a name that stays."""

import platform
import time
from importlib import metadata

import orjson
import yaml

from ..errors import StateError
from ..manifest import Manifest, Tracked, order
from . import pipeline, releases
from .git import Git, GitError
from .releases import Release
from .store import Store

LIBRARIES = ("numpy", "onnx", "onnxruntime", "scikit-learn", "skl2onnx")
"""Those that have a say in what the model is."""
PAUSES = (0.2, 0.5, 1.0, 2.0, 0.0)
"""Seconds after each attempt at pushing a tag that the remote refused, though it has none such."""


def release(git: Git, store: Store, version: str) -> Release:
    """Push what a commit needs, then tag it, then push the tag.

    The tag comes last, so a version that others can see is whole. After an interruption the same
    call goes on where it stopped.

    Args:
        git: The project, with nothing left to commit.
        store: Its data.
        version: Three numbers, greater than those of every version before.

    Raises:
        StateError: Something has to be done first, or the name is taken.
        IntegrityError: Data could not be pushed.
    """
    git.require_identity()
    remote = git.remote()
    if remote is not None:
        _fetch(git, remote)
    commit = git.commit()
    known = {each.version: each for each in releases.releases(git)}
    if version not in known:
        _check(git, store, version, commit)
    elif known[version].commit != commit:
        raise StateError(
            f"version {version} was released from commit {known[version].commit[:12]} by "
            f"{known[version].author}: choose another name"
        )
    store.push(store.tracked(commit))
    if version not in known:
        manifest = describe(git, store, version, commit)
        git.run(
            *("tag", "--annotate", "--cleanup=verbatim", "--file=-", releases.tag(version), commit),
            stdin=releases.message(manifest),
        )
    if remote is not None:
        _push_tag(git, remote, version, made_now=version not in known)
    return releases.find(git, version)


def describe(git: Git, store: Store, version: str, commit: str | None) -> Manifest:
    """Write down what the working tree, which is that commit's, would be as a version.

    Raises:
        StateError: The pipeline was not run here yet.
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
    """Tell the versions of Python and of the libraries that have a say in the model."""
    return {"python": platform.python_version()} | {
        name: metadata.version(name) for name in LIBRARIES
    }


def _tracked(store: Store, path: str) -> Tracked:
    found = {each.path: each for each in store.tracked()}
    if path not in found:
        raise StateError(f"{path} is not there yet: `make run` makes it")
    return found[path]


def _check(git: Git, store: Store, version: str, commit: str) -> None:
    if changes := git.changes():
        more = f" and {len(changes) - 1} more" if len(changes) > 1 else ""
        raise StateError(
            f"not everything is committed ({changes[0].strip()}{more}): a version is a commit, so "
            "commit first"
        )
    if not (git.root / pipeline.LOCK_FILE).exists():
        raise StateError("there is no model yet: `make run`, then commit what it made")
    if stages := pipeline.stale(store):
        raise StateError(
            f"{pipeline.LOCK_FILE} is stale ({', '.join(stages)}): `make run`, then commit"
        )
    known = releases.releases(git)
    if (same := releases.of_commit(git, commit)) is not None:
        raise StateError(f"this commit is version {same.version} already: one commit, one version")
    if known and order(version) <= order(known[-1].version):
        raise StateError(f"{version} is not above {known[-1].version}, the latest version")
    order(version)


def _fetch(git: Git, remote: str) -> None:
    try:
        git.run("fetch", "--tags", remote)
    except GitError as error:
        if "would clobber existing tag" not in str(error):
            raise
        raise StateError(
            f"a version here and one of the same name at {remote} are two different ones: "
            f"`git tag --delete NAME` removes yours, then choose another name ({error})"
        ) from error


def _push_tag(git: Git, remote: str, version: str, *, made_now: bool) -> None:
    """Push the tag; somebody else's push of the same name may be under way."""
    name = releases.tag(version)
    for pause in PAUSES:
        try:
            git.run("push", "--quiet", remote, f"refs/tags/{name}")
        except GitError as error:
            refusal = error
        else:
            return
        taken = git.ask("ls-remote", remote, f"refs/tags/{name}")
        if taken is None:
            raise StateError(
                f"{name} is made, but {remote} cannot be reached: call it again to go on "
                f"({refusal})"
            ) from refusal
        if taken:
            if made_now:
                git.run("tag", "--delete", name)
            raise StateError(
                f"somebody else has released {version} in the meantime: `git fetch --tags`, then "
                "choose another name; your data is safe in the remote"
            ) from refusal
        time.sleep(pause)
    raise StateError(
        f"{name} is made, but {remote} does not take it: see to what it says, then call it again "
        f"to go on ({refusal})"
    ) from refusal
