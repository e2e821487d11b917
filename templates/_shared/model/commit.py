"""Which git commit the running code comes from."""

import subprocess


def head_commit() -> str | None:
    """Return the id of the current commit, or `None` without git, a repository or a commit."""
    return _git("rev-parse", "HEAD")


def has_uncommitted_changes() -> bool:
    """Return whether files that git tracks differ from the commit."""
    return bool(_git("status", "--porcelain", "--untracked-files=no"))


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 - git with fixed arguments
            ["git", *arguments],  # noqa: S607 - whichever git is on PATH
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
