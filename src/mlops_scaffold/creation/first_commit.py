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
    """Whether git is installed."""
    return git.available()


def inside_repository(folder: Path) -> bool:
    """Whether `folder` is inside a work tree, regardless of who owns it."""
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
        # The user's configuration is read for the identity and the name of the branch. Whatever in
        # it could run or sign something, or leave out or rewrite files, is switched off.
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
    """The configured name of the first branch (`init.defaultBranch`), if it is valid."""
    try:
        configured = git.run("config", "--get", "init.defaultBranch", cwd=folder, isolated=False)
        name = configured.decode().strip()
        git.run("check-ref-format", "--branch", name, cwd=folder)
    except (git.GitError, UnicodeDecodeError):
        return _DEFAULT_BRANCH
    return name
