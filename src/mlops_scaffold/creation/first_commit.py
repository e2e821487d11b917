"""The first commit of a new project: it works on any machine, and runs no hooks."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mlops_scaffold.errors import ScaffoldError
from mlops_scaffold.git import command as git
from mlops_scaffold.git import identity

if TYPE_CHECKING:
    from pathlib import Path

_DEFAULT_BRANCH = "main"
_PLAIN = (
    *("-c", "core.safecrlf=false"),
    *("-c", f"core.excludesFile={os.devnull}"),
    *("-c", f"core.attributesFile={os.devnull}"),
    *("-c", "add.ignoreErrors=false"),
)


def possible() -> bool:
    """Whether there is a git to make it with."""
    return git.available()


def inside_repository(folder: Path) -> bool:
    """Whether `folder` is inside a work tree, whoever owns it."""
    for above in (folder, *folder.parents):
        entry = above / ".git"
        if entry.is_file() or (entry / "HEAD").exists():
            return True
    return False


def make(project: Path, message: str) -> None:
    """Make `project` a repository with one commit of everything that it doesn't ignore.

    Raises:
        ScaffoldError: Git refuses.
    """
    try:
        # The user's own configuration is read for the identity and the branch; whatever else in it
        # could run, sign, leave out or rewrite something is off.
        branch = _branch(project)
        git.run("init", "--quiet", "--template=", "-b", branch, cwd=project, isolated=False)
        git.run(*_PLAIN, "add", "--all", cwd=project, isolated=False)
        git.run(
            *(*_PLAIN, "commit", "--quiet", "--no-verify", "--no-gpg-sign", "--cleanup=verbatim"),
            "--file=-",
            cwd=project,
            stdin=message.encode(),
            env=identity.fallback(project),
            isolated=False,
        )
    except git.GitError as error:
        raise ScaffoldError(
            f"cannot commit the new project: {error.message}",
            hint="make it without a repository: mlops-scaffold new --no-git",
        ) from error


def _branch(folder: Path) -> str:
    """What git is configured to call the first branch, if that is a name for one."""
    try:
        told = git.run("config", "--get", "init.defaultBranch", cwd=folder, isolated=False)
        name = told.decode().strip()
        git.run("check-ref-format", "--branch", name, cwd=folder)
    except (git.GitError, UnicodeDecodeError):
        return _DEFAULT_BRANCH
    return name
