"""Runs the user's git command, with their identity, hooks and credentials."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ..errors import StateError

# Git sets these in hooks, and they may point to another repository.
_HOOK_VARIABLES = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")


class GitError(StateError):
    """A git command failed; the message is git's own."""


@dataclass(frozen=True, slots=True)
class Git:
    """A repository.

    Attributes:
        root: The project's folder, which is the repository's top level.
    """

    root: Path

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """Run a git command and return its output.

        Raises:
            GitError: The command fails.
        """
        env = {name: value for name, value in os.environ.items() if name not in _HOOK_VARIABLES}
        try:
            done = subprocess.run(  # noqa: S603 - git, with arguments of ours
                ["git", *arguments],  # noqa: S607 - whichever git is in use here
                cwd=self.root,
                env=env | {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"},
                input=stdin,
                capture_output=True,
                text=True,
                check=False,
            )
        except FileNotFoundError:
            raise GitError("git is not installed") from None
        if done.returncode != 0:
            output = (done.stderr or done.stdout).strip()
            raise GitError(f"git {arguments[0]}: {output}")
        return done.stdout

    def run_or_none(self, *arguments: str) -> str | None:
        """Run a git command and return its output; `None` if it fails."""
        try:
            return self.run(*arguments).strip()
        except GitError:
            return None

    def commit(self, revision: str = "HEAD") -> str:
        """Resolve a revision to the id of its commit.

        Raises:
            StateError: There is no such commit.
        """
        found = self.run_or_none("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
        if not found:
            raise StateError(f"{revision} is not a commit in this repository")
        return found

    def changes(self) -> list[str]:
        """List uncommitted changes, including untracked files, as `git status` does."""
        return self.run("status", "--porcelain").splitlines()

    def tags(self, pattern: str) -> list[str]:
        """List the tags that match a pattern."""
        return self.run("tag", "--list", pattern).splitlines()

    def remote(self) -> str | None:
        """Return the shared remote: `origin`, or else the first one; `None` if there is none."""
        names = self.run("remote").splitlines()
        return "origin" if "origin" in names else next(iter(names), None)

    def require_identity(self) -> None:
        """Make sure that git has an identity: annotated tags record who created them.

        Raises:
            StateError: There is none.
        """
        if self.run_or_none("var", "GIT_COMMITTER_IDENT") is None or not (
            os.environ.get("GIT_COMMITTER_EMAIL") or self.run_or_none("config", "user.email")
        ):
            raise StateError(
                "git has no user name and email, which a version records. Set them:\n"
                '  git config user.name "Your Name"\n'
                "  git config user.email you@example.org"
            )


def find(start: Path) -> Git:
    """Find the repository that contains a folder.

    Raises:
        StateError: The folder is not in a repository, or DVC is not set up at its top level.
    """
    top = Git(start).run_or_none("rev-parse", "--show-toplevel")
    if top is None:
        raise StateError(f"{start} is not in a git repository: create one with `git init`")
    if not (Path(top) / ".dvc").is_dir():
        raise StateError(f"{top} is not a DVC project: the folder .dvc is missing")
    return Git(Path(top))
