"""Where a run comes from: code, packages, machine."""

import hashlib
import platform
import subprocess
from importlib import metadata
from pathlib import Path


def code() -> dict[str, str]:
    """Tell which code this is.

    Returns:
        Tags: the digest of this package's files, which also tells versions apart that were never
        committed, and with git the commit and whether files differ from it.
    """
    tags = {"code.sha256": _digest(Path(__file__).parent)}
    if (commit := _git("rev-parse", "HEAD")) is not None:
        dirty = _git("status", "--porcelain", "--untracked-files=no")
        tags |= {"mlflow.source.git.commit": commit, "code.dirty": str(bool(dirty)).lower()}
    return tags


def environment() -> dict[str, str]:
    """Tell the machine, and the versions of Python and of all installed packages."""
    found = {dist.metadata["Name"]: dist.version for dist in metadata.distributions()}
    return {
        "platform": platform.platform(),
        "python": platform.python_version(),
        **dict(sorted(found.items(), key=str)),
    }


def _digest(folder: Path) -> str:
    hasher = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        hasher.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return hasher.hexdigest()


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
