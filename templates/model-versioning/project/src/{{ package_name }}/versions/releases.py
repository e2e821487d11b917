"""Releases in git: annotated tags whose message contains the manifest."""

from dataclasses import dataclass

import orjson
from pydantic import ValidationError

from ..errors import IntegrityError, StateError
from ..manifest import Manifest, version_key
from .git import Git

PREFIX = "v"
_FIELDS = "%00".join(
    f"%({field})"
    for field in (
        *("refname:short", "objecttype", "*objectname"),
        *("taggername", "taggerdate:iso-strict", "contents"),
    )
)
_END = "\x1e"


@dataclass(frozen=True, slots=True)
class Release:
    """A released version.

    Attributes:
        manifest: Its manifest.
        author: Who released it.
        date: When, in ISO 8601.
    """

    manifest: Manifest
    author: str
    date: str

    @property
    def version(self) -> str:
        """The version, like `1.2.0`."""
        return self.manifest.version

    @property
    def commit(self) -> str:
        """The commit it was released from."""
        assert self.manifest.commit is not None  # noqa: S101 - a tag always has one
        return self.manifest.commit


def tag(version: str) -> str:
    """Return the name of a version's tag."""
    version_key(version)  # rejects a malformed version
    return PREFIX + version


def message(manifest: Manifest) -> str:
    """Format the message of a version's tag."""
    subject = f"Version {manifest.version} of data and model"
    return f"{subject}\n\n{manifest.model_dump_json(indent=2)}\n"


def releases(git: Git) -> tuple[Release, ...]:
    """List all releases, lowest version first. Other tags are ignored.

    Raises:
        IntegrityError: A tag points to another commit than the one in its manifest.
    """
    listed = git.run("for-each-ref", f"refs/tags/{PREFIX}*", f"--format={_FIELDS}{_END}")
    found = [each for line in listed.split(_END) if (each := _release(line.strip("\n")))]
    return tuple(sorted(found, key=lambda release: version_key(release.version)))


def find(git: Git, version: str) -> Release:
    """Find a release.

    Raises:
        StateError: There is no such version.
    """
    known = {release.version: release for release in releases(git)}
    name = version.removeprefix(PREFIX)
    if name not in known:
        names = ", ".join(known) or "none yet"
        raise StateError(f"there is no version {name} (released: {names})")
    return known[name]


def of_commit(git: Git, commit: str) -> Release | None:
    """Find the version that was released from a commit; there is at most one."""
    return next((each for each in releases(git) if each.commit == commit), None)


def parents(git: Git, commit: str) -> tuple[str, ...]:
    """Return a commit's nearest released ancestors: those with no other release in between."""
    ancestors = [
        each
        for each in releases(git)
        if each.commit != commit and _is_ancestor(git, each.commit, commit)
    ]
    return tuple(
        each.version
        for each in ancestors
        if not any(
            other.commit != each.commit and _is_ancestor(git, each.commit, other.commit)
            for other in ancestors
        )
    )


def _is_ancestor(git: Git, earlier: str, later: str) -> bool:
    return git.run_or_none("merge-base", "--is-ancestor", earlier, later) is not None


def _release(line: str) -> Release | None:
    name, kind, commit, author, date, text = (*line.split("\0", 5), *[""] * 6)[:6]
    if kind != "tag":
        return None
    try:
        manifest = Manifest.model_validate(orjson.loads(text[text.index("{") :]))
    except (ValueError, ValidationError):
        return None  # not a tag of a version
    if manifest.commit != commit or tag(manifest.version) != name:
        raise IntegrityError(
            f"the tag {name} points to commit {commit[:12]}, but its manifest is of version "
            f"{manifest.version} at commit {str(manifest.commit)[:12]}: fetch it again with "
            "`git fetch --tags --force`"
        )
    return Release(manifest, author, date)
