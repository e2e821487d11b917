"""Branches and commits of an upgrade."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mlops_scaffold import shell
from mlops_scaffold.errors import ScaffoldError, UsageError
from mlops_scaffold.git import identity
from mlops_scaffold.git.command import GitError
from mlops_scaffold.git.repo import joined

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlops_scaffold.git.repo import Repo

_REASON = "mlops-scaffold upgrade"


def current(repo: Repo) -> str:
    """What is checked out: the full name of a branch, or a commit."""
    name = repo.run("symbolic-ref", "-q", "HEAD", expect=(0, 1)).decode().strip()
    return name or repo.head


def branch(repo: Repo, name: str) -> str:
    """The full name of a branch that can be created.

    Raises:
        UsageError: Not a name for a branch.
        ScaffoldError: There is one already.
    """
    try:
        repo.run("check-ref-format", "--branch", name)
    except GitError as error:
        raise UsageError(f"{name!r} is not a valid branch name") from error
    full = f"refs/heads/{name}"
    if repo.run("for-each-ref", "--format=%(refname)", full):
        raise ScaffoldError(f"the branch {name} exists already", hint="choose another --branch")
    return full


def switch(repo: Repo, name: str) -> None:
    """Create a branch at HEAD and check it out; the files are the same."""
    if current(repo) != name:
        repo.run("update-ref", "-m", _REASON, name, repo.head)
        repo.run("symbolic-ref", "-m", _REASON, "HEAD", name)


def switch_back(repo: Repo, name: str, before: str) -> None:
    """Check out what was checked out before; remove the branch if it has no commit of its own."""
    if current(repo) == name:
        if before.startswith("refs/"):
            repo.run("symbolic-ref", "-m", _REASON, "HEAD", before)
        else:
            repo.run("update-ref", "-m", _REASON, "--no-deref", "HEAD", before)
    tip = repo.run("for-each-ref", "--format=%(objectname)", name).decode().strip()
    if tip and repo.run("rev-parse", before).decode().strip() == tip:
        repo.run("update-ref", "-d", name, tip)


def commit(repo: Repo, paths: Iterable[str], message: str) -> str:
    """Commit these paths and nothing else; return the commit's short id.

    Hooks don't run and nothing is signed: both are for the owner to start.
    """
    command = ("commit", "--quiet", "--no-verify", "--only", f"--message={message}")
    try:
        repo.run(
            *command,
            *("--pathspec-from-file=-", "--pathspec-file-nul"),
            stdin=joined(paths),
            env={**identity.fallback(repo.top), "GIT_LITERAL_PATHSPECS": "1"},
        )
    except GitError as error:
        raise ScaffoldError(
            f"the upgrade is applied and staged, but not committed: {error.message}",
            hint=f"commit it: {shell.git(repo.folder, 'commit', '-m', message, '--', '.')}",
        ) from error
    return os.fsdecode(repo.run("rev-parse", "--short=10", "HEAD")).strip()
