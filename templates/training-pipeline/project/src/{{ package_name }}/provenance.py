"""Where a run comes from: code, packages, machine."""

import hashlib
import platform
from importlib import metadata
from pathlib import Path

from .commit import has_uncommitted_changes, head_commit


def code_tags() -> dict[str, str]:
    """Identify the code that runs.

    Returns:
        Tags: a digest of this package's files, which also identifies uncommitted versions; in a
        git repository also the commit, and whether tracked files differ from it.
    """
    tags = {"code.sha256": _digest(Path(__file__).parent)}
    if (found := head_commit()) is not None:
        dirty = str(has_uncommitted_changes()).lower()
        tags |= {"mlflow.source.git.commit": found, "code.dirty": dirty}
    return tags


def environment() -> dict[str, str]:
    """List the platform and the versions of Python and of all installed packages."""
    packages = {dist.metadata["Name"]: dist.version for dist in metadata.distributions()}
    return {
        "platform": platform.platform(),
        "python": platform.python_version(),
        **dict(sorted(packages.items(), key=str)),
    }


def _digest(folder: Path) -> str:
    hasher = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        hasher.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return hasher.hexdigest()
