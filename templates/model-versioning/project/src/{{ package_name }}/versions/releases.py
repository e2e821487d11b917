"""Releases, as git knows them: annotated tags with a manifest in them."""

from dataclasses import dataclass

import orjson
from pydantic import ValidationError

from ..errors import IntegrityError, StateError
from ..manifest import Manifest, order
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
        manifest: What it is.
        author: Who released it.
        date: When, in ISO 8601.
    """

    manifest: Manifest
    author: str
    date: str

    @property
    def version(self) -> str:
        """Like `1.2.0`."""
        return self.manifest.version

    @property
    def commit(self) -> str:
        """The commit it was made from."""
        assert self.manifest.commit is not None  # noqa: S101 - a tag always has one
        return self.manifest.commit


def tag(version: str) -> str:
    """Name the tag of a version."""
    order(version)
    return PREFIX + version


def message(manifest: Manifest) -> str:
    """Write the message of a version's tag."""
    first = f"Version {manifest.version} of data and model"
    return f"{first}\n\n{manifest.model_dump_json(indent=2)}\n"


def releases(git: Git) -> tuple[Release, ...]:
    """List all releases, the oldest version first. Other tags are left alone.

    Raises:
        IntegrityError: A tag was moved to another commit than it was made for.
    """
    listed = git.run("for-each-ref", f"refs/tags/{PREFIX}*", f"--format={_FIELDS}{_END}")
    found = [each for line in listed.split(_END) if (each := _release(line.strip("\n")))]
    return tuple(sorted(found, key=lambda release: order(release.version)))


def find(git: Git, version: str) -> Release:
    """Find a release.

    Raises:
        StateError: There is none of that name.
    """
    known = {release.version: release for release in releases(git)}
    wanted = version.removeprefix(PREFIX)
    if wanted not in known:
        names = ", ".join(known) or "none yet"
        raise StateError(f"there is no version {wanted} (released: {names})")
    return known[wanted]


def of_commit(git: Git, commit: str) -> Release | None:
    """Find the version that was made from a commit; there is one at most."""
    return next((each for each in releases(git) if each.commit == commit), None)


def parents(git: Git, commit: str) -> tuple[str, ...]:
    """Name the versions that a commit follows directly: behind it, with none in between."""
    behind = [r for r in releases(git) if r.commit != commit and _leads(git, r.commit, commit)]
    return tuple(
        each.version
        for each in behind
        if not any(
            other.commit != each.commit and _leads(git, each.commit, other.commit)
            for other in behind
        )
    )


def _leads(git: Git, earlier: str, later: str) -> bool:
    return git.ask("merge-base", "--is-ancestor", earlier, later) is not None


def _release(line: str) -> Release | None:
    name, kind, commit, author, date, text = (*line.split("\0", 5), *[""] * 6)[:6]
    if kind != "tag":
        return None
    try:
        manifest = Manifest.model_validate(orjson.loads(text[text.index("{") :]))
    except (ValueError, ValidationError):
        return None  # a tag of something else
    if manifest.commit != commit or tag(manifest.version) != name:
        raise IntegrityError(
            f"the tag {name} names commit {commit[:12]}, but was made for {manifest.version} of "
            f"commit {str(manifest.commit)[:12]}: fetch it again with `git fetch --tags --force`"
        )
    return Release(manifest, author, date)
