"""A repository with the project in it.

Paths are `str` as the operating system gives them (undecodable bytes become surrogates), relative
to the top of the work tree, with `/` between the parts.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_scaffold import shell
from mlops_scaffold.errors import ScaffoldError
from mlops_scaffold.git import command as git

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

OLDEST = (2, 38)  # the first git with `merge-tree --write-tree`

_IN_PROGRESS = {
    "MERGE_HEAD": "merge",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
}
_SAFE_DIRECTORY = re.compile(r"git config --global --add safe\.directory .+")


class NoRepositoryError(ScaffoldError):
    """The project isn't under git, or there is no git."""


@dataclass(frozen=True)
class Repo:
    """A work tree and the project in it, which may be a folder of a larger repository."""

    folder: Path  # of the project, as it was named: for messages
    top: Path
    git_dir: Path  # of this work tree; a linked one has its own
    objects: Path
    head: str  # the commit
    prefix: str  # of the project within the work tree: "" or "services/fraud/"
    algorithm: str  # "sha1" or "sha256"
    autocrlf: bool  # whether git converts line ends without being told to by an attribute

    @property
    def project(self) -> Path:
        """The project's folder."""
        return self.top / self.prefix

    @property
    def pathspec(self) -> str:
        """What limits a git command to the project."""
        # Literal, as a project's folder may be called `[a]*`.
        return literal(self.prefix.rstrip("/")) if self.prefix else ":(top)"

    def inside(self, path: str) -> str:
        """A path of the work tree as a path of the project."""
        return path.removeprefix(self.prefix)

    def parents(self, path: str) -> list[str]:
        """The folders above a path and within the project, outermost first."""
        names = self.inside(path).split("/")[:-1]
        return [self.prefix + "/".join(names[:depth]) for depth in range(1, len(names) + 1)]

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
        return _run(self.top, *args, stdin=stdin, env=env, expect=expect)


def open_repo(project: Path) -> Repo:
    """Find the repository that holds `project`.

    Raises:
        NoRepositoryError: There is none, nothing is committed yet, or there is no git.
        ScaffoldError: It can't be used, or git is too old.
    """
    where = (
        *("rev-parse", "--path-format=absolute", "--show-object-format"),
        *("--show-toplevel", "--git-dir", "--git-path", "objects", "--show-prefix"),
    )
    try:
        check_version(project)
        lines = os.fsdecode(_run(project, *where)).split("\n")
    except git.GitError as error:
        raise _unusable(project, error) from error
    algorithm, top, git_dir, objects, prefix = lines[:5]
    verify = ("rev-parse", "--verify", "--quiet", "HEAD")
    head = _run(project, *verify, expect=(0, 1)).decode().strip()
    if not head:
        raise NoRepositoryError(
            f"nothing is committed yet in {top}",
            hint=f"commit the project first: {shell.first_commit(project)}",
        )
    return Repo(
        folder=project,
        top=Path(top),
        git_dir=Path(git_dir),
        objects=Path(objects),
        head=head,
        prefix=prefix,
        algorithm=algorithm,
        autocrlf=_autocrlf(project),
    )


def check_version(folder: Path) -> None:
    """Refuse a git without `merge-tree --write-tree`.

    Raises:
        ScaffoldError: It is too old.
    """
    said = _run(folder, "version").decode(errors="replace").strip()
    found = re.search(r"(\d+)\.(\d+)", said)
    if not found or (int(found[1]), int(found[2])) < OLDEST:
        raise ScaffoldError(
            f"upgrades need git 2.38 or newer; this is {said.removeprefix('git version ')}",
            hint="install a newer git; see: mlops-scaffold doctor",
        )


def operation_in_progress(repo: Repo) -> str:
    """What git itself is in the middle of, like "merge"; "" if nothing."""
    found = (what for name, what in _IN_PROGRESS.items() if (repo.git_dir / name).exists())
    return next(found, "")


def literal(path: str) -> str:
    """The pathspec of exactly one path of the work tree."""
    return f":(top,literal){path}"


def split(listing: bytes) -> list[str]:
    """The fields of a NUL-separated listing."""
    return [os.fsdecode(field) for field in listing.split(b"\0")[:-1]]


def joined(paths: Iterable[str]) -> bytes:
    """Paths as a NUL-terminated listing, to feed to git."""
    return b"".join(os.fsencode(path) + b"\0" for path in paths)


def _run(
    folder: Path,
    *args: str,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    expect: Container[int] = (0,),
) -> bytes:
    return git.run(*args, cwd=folder, stdin=stdin, env=env, isolated=False, expect=expect)


def _autocrlf(folder: Path) -> bool:
    said = _run(folder, "config", "--get", "core.autocrlf", expect=(0, 1)).decode().strip()
    return said.lower() not in {"", "false", "no", "off", "0"}


def _unusable(project: Path, error: git.GitError) -> ScaffoldError:
    said = error.message
    if isinstance(error, git.GitMissingError):
        return NoRepositoryError(
            "git is not installed, and an upgrade needs it", hint="see: mlops-scaffold doctor"
        )
    if "dubious ownership" in said:
        command = _SAFE_DIRECTORY.search(said)
        return ScaffoldError(
            f"{project} belongs to another user, so git refuses to work in it",
            hint=f"if you trust it: {command[0]}" if command else "",
        )
    if "must be run in a work tree" in said:
        return ScaffoldError(f"{project} is a bare repository: there are no files to upgrade")
    if "not a git repository" in said:
        return NoRepositoryError(
            f"{project} is not in a git repository, which an upgrade needs to lose nothing",
            hint=f"make one: {shell.first_commit(project, init=True)}",
        )
    return error
