"""Which commit the code at work is of."""

import subprocess


def commit() -> str | None:
    """Tell the commit's id; nothing without git, a repository or a commit."""
    return _git("rev-parse", "HEAD")


def changed() -> bool:
    """Tell whether files that git tracks differ from the commit."""
    return bool(_git("status", "--porcelain", "--untracked-files=no"))


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 - git and fixed words
            ["git", *arguments],  # noqa: S607 - whichever git is in use here
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
