"""Talking to git so that nobody's configuration or environment can change what is done.

Paths are `str` as the operating system gives them (undecodable bytes become surrogates), relative
to the top of the work tree, with `/` between the parts.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_scaffold.errors import ScaffoldError
from mlops_scaffold.git import command as git
from mlops_scaffold.git.command import GitError

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

OLDEST = (2, 38)  # the first git with `merge-tree --write-tree`

# What people configure for themselves and would change a merge.
# Attributes, filters, end-of-line rules and merge drivers are the repository's and stay.
_FORCED = (
    ("core.abbrev", "no"),
    ("core.quotePath", "true"),
    ("core.safecrlf", "false"),
    ("core.untrackedCache", "keep"),
    ("diff.renames", "true"),
    ("diff.renameLimit", "10000"),
    ("diff.noprefix", "false"),
    ("diff.mnemonicPrefix", "false"),
    ("diff.ignoreSubmodules", "all"),
    ("merge.conflictStyle", "diff3"),
    ("merge.renames", "true"),
    ("merge.renameLimit", "10000"),
    # New files of the template follow a folder that its owner renamed, and the reverse.
    ("merge.directoryRenames", "true"),
    ("merge.renormalize", "false"),
    ("status.showUntrackedFiles", "all"),
)

_UNFINISHED = {
    "MERGE_HEAD": "merge",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
}


@dataclass(frozen=True)
class Repo:
    """A work tree and the project in it (which may be a folder of a larger repository)."""

    top: Path
    git_dir: Path  # of this work tree; a linked one has its own
    objects: Path
    head: str
    prefix: str  # of the project within the work tree: "" or "services/fraud/"
    algorithm: str  # "sha1" or "sha256"
    config: Mapping[str, str]

    @property
    def project(self) -> Path:
        """The project's folder."""
        return self.top / self.prefix

    def run(
        self,
        *args: str,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        expect: Container[int] = (0,),
    ) -> bytes:
        """Run git at the top of the work tree and return what it printed.

        Raises:
            GitError: It ended with an exit code that is not in `expect`.
        """
        return run(self.top, *args, stdin=stdin, env=env, expect=expect)


def run(
    folder: Path,
    *args: str,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    expect: Container[int] = (0,),
) -> bytes:
    """Run git in `folder`, see `Repo.run`."""
    merged = {**_forced(), **(env or {})}
    return git.run(*args, cwd=folder, stdin=stdin, env=merged, isolated=False, expect=expect)


@cache
def _forced() -> dict[str, str]:
    forced = {"GIT_CONFIG_COUNT": str(len(_FORCED))}
    for number, (key, value) in enumerate(_FORCED):
        forced |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return forced


def open_repo(project: Path) -> Repo:
    """Find the repository that holds `project`.

    Raises:
        ScaffoldError: Not a repository, nothing committed yet, or a git that is too old.
    """
    check_version(project)
    where = (
        *("rev-parse", "--path-format=absolute", "--show-object-format"),
        *("--show-toplevel", "--git-dir", "--git-path", "objects", "--show-prefix"),
    )
    try:
        lines = os.fsdecode(run(project, *where)).split("\n")
    except GitError as error:
        raise _not_usable(project, error) from error
    algorithm, top, git_dir, objects, prefix = lines[:5]
    head = run(project, "rev-parse", "--verify", "--quiet", "HEAD", expect=(0, 1)).decode().strip()
    if not head:
        raise ScaffoldError(
            f"nothing is committed yet in {top}",
            hint="commit the project first: git add -A && git commit -m 'Start'",
        )
    return Repo(Path(top), Path(git_dir), Path(objects), head, prefix, algorithm, _config(project))


def check_version(folder: Path) -> None:
    """Refuse a git without `merge-tree --write-tree`."""
    said = run(folder, "version").decode(errors="replace").strip()
    found = re.search(r"(\d+)\.(\d+)", said)
    if not found or (int(found[1]), int(found[2])) < OLDEST:
        raise ScaffoldError(
            f"upgrades need git 2.38 or newer; this is {said.removeprefix('git version ')}",
            hint="install a newer git; see: mlops-scaffold doctor",
        )


def unfinished(repo: Repo) -> str:
    """What git itself is in the middle of, like "merge"; "" if nothing."""
    return next((what for name, what in _UNFINISHED.items() if (repo.git_dir / name).exists()), "")


def split(listing: bytes) -> list[str]:
    """The fields of a NUL-separated listing."""
    return [os.fsdecode(field) for field in listing.split(b"\0")[:-1]]


def joined(paths: Iterable[str]) -> bytes:
    """Paths as a NUL-terminated listing, to feed to git."""
    return b"".join(os.fsencode(path) + b"\0" for path in paths)


def _config(folder: Path) -> dict[str, str]:
    keys = r"^core\.(autocrlf|eol|filemode|symlinks|attributesfile)$"
    listing = run(folder, "config", "-z", "--get-regexp", keys, expect=(0, 1))
    pairs = (field.partition("\n") for field in split(listing))
    return {
        key: value.lower() if key != "core.attributesfile" else value for key, _, value in pairs
    }


def _not_usable(project: Path, error: GitError) -> ScaffoldError:
    if "dubious ownership" in error.message:
        return ScaffoldError(
            f"{project} belongs to someone else, so git refuses to work in it",
            hint=f"if you trust it: git config --global --add safe.directory {project}",
        )
    if "must be run in a work tree" in error.message:
        return ScaffoldError(f"{project} is a bare repository: there are no files to upgrade")
    if "not a git repository" in error.message:
        return ScaffoldError(
            f"{project} is not in a git repository; an upgrade needs one, so that nothing is lost",
            hint="make one: git init && git add -A && git commit -m 'Start'",
        )
    return error
