"""Git, as the user has it: the command, with their identity, hooks and credentials."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ..errors import StateError

# Set when we are called out of a hook, and then about another repository than ours may be.
_LEAKY = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")


class GitError(StateError):
    """Git refuses; the message is its own."""


@dataclass(frozen=True, slots=True)
class Git:
    """A repository.

    Attributes:
        root: The project's folder, which is the repository's top.
    """

    root: Path

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """Run a git command and give what it prints.

        Raises:
            GitError: It fails.
        """
        env = {name: value for name, value in os.environ.items() if name not in _LEAKY}
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
            said = (done.stderr or done.stdout).strip()
            raise GitError(f"git {arguments[0]}: {said}")
        return done.stdout

    def ask(self, *arguments: str) -> str | None:
        """Run a git command whose failure is an answer, too."""
        try:
            return self.run(*arguments).strip()
        except GitError:
            return None

    def commit(self, revision: str = "HEAD") -> str:
        """Resolve a revision to the id of its commit.

        Raises:
            StateError: There is no such commit.
        """
        found = self.ask("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
        if not found:
            raise StateError(f"{revision} is no commit of this repository")
        return found

    def changes(self) -> list[str]:
        """List what differs from the last commit, untracked files too, as `git status` does."""
        return self.run("status", "--porcelain").splitlines()

    def tags(self, pattern: str) -> list[str]:
        """List the tags that match a pattern."""
        return self.run("tag", "--list", pattern).splitlines()

    def remote(self) -> str | None:
        """Name the repository that others fetch from: `origin`, or the only one there is."""
        names = self.run("remote").splitlines()
        return "origin" if "origin" in names else next(iter(names), None)

    def require_identity(self) -> None:
        """Make sure that git knows who is at work: a tag is signed with a name.

        Raises:
            StateError: It does not.
        """
        if self.ask("var", "GIT_COMMITTER_IDENT") is None or not (
            os.environ.get("GIT_COMMITTER_EMAIL") or self.ask("config", "user.email")
        ):
            raise StateError(
                "git does not know who you are, and a version bears a name. Tell it:\n"
                '  git config user.name "Your Name"\n'
                "  git config user.email you@example.org"
            )


def find(start: Path) -> Git:
    """Find the repository that a folder is in.

    Raises:
        StateError: It is in none, or DVC was not set up at its top.
    """
    top = Git(start).ask("rev-parse", "--show-toplevel")
    if top is None:
        raise StateError(f"{start} is in no git repository: `git init` makes one")
    if not (Path(top) / ".dvc").is_dir():
        raise StateError(f"{top} is no project of DVC: the folder .dvc is missing")
    return Git(Path(top))
