"""Where a run comes from: code, packages, machine."""

import platform
import subprocess
from importlib import metadata


def code() -> dict[str, str]:
    """Tell which commit is checked out and whether files differ from it; nothing without git."""
    commit = _git("rev-parse", "HEAD")
    if commit is None:
        return {}
    dirty = _git("status", "--porcelain", "--untracked-files=no")
    return {"mlflow.source.git.commit": commit, "code.dirty": str(bool(dirty)).lower()}


def environment() -> dict[str, str]:
    """Tell the versions of Python and of all installed packages, as `requirements.txt` does."""
    found = {dist.metadata["Name"]: dist.version for dist in metadata.distributions()}
    return {"python": platform.python_version(), **dict(sorted(found.items(), key=str))}


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 - git and fixed words
            ["git", *arguments],  # noqa: S607 - whichever git is in use here
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
