"""The first commit of a new project: on any machine, and running nobody's hooks."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mlops_scaffold.errors import ScaffoldError
from mlops_scaffold.git import command as git
from mlops_scaffold.git import identity

if TYPE_CHECKING:
    from pathlib import Path


def possible() -> bool:
    """Whether there is a git to make it with."""
    return git.available()


def inside_repository(folder: Path) -> bool:
    """Whether `folder` lies in a work tree, whoever owns it."""
    for above in (folder, *folder.parents):
        entry = above / ".git"
        if entry.is_file() or (entry / "HEAD").exists():
            return True
    return False


def make(project: Path, message: str) -> None:
    """Make `project` a repository with one commit of all that it doesn't ignore.

    Raises:
        ScaffoldError: Git refuses.
    """
    config = ("-c", "core.safecrlf=false", "-c", f"core.excludesFile={os.devnull}")
    try:
        # The user's own configuration is read for the identity only; what could run or sign is off.
        git.run("init", "--quiet", "--template=", "-b", "main", cwd=project, isolated=False)
        git.run(*config, "add", "--all", cwd=project, isolated=False)
        git.run(
            *("commit", "--quiet", "--no-verify", "--no-gpg-sign", "--file=-"),
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
