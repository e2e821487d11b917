"""`git-remote-mlops-scaffold`: lets git, and so plain Copier, read `mlops-scaffold://catalog.git`.

Git starts it for such a URL and speaks the `connect` protocol: from then on it talks to
`git upload-pack`, which serves the released versions in this package. No network is used.
"""

from __future__ import annotations

import os
import subprocess
import sys

from mlops_scaffold.errors import ScaffoldError
from mlops_scaffold.git import command as git
from mlops_scaffold.source import releases
from mlops_scaffold.source.base import BUILTIN_URL
from mlops_scaffold.source.builtin import builtin_root

_SERVICE = "git-upload-pack"  # reading; there is nothing to push to


def main() -> int:
    """Serve one git process.

    Returns:
        The exit code.
    """
    try:
        return _serve(sys.argv[2] if len(sys.argv) > 2 else "")  # noqa: PLR2004  # NAME URL
    except ScaffoldError as problem:
        sys.stderr.write(f"error: {problem.message}\n")
        if problem.hint:
            sys.stderr.write(f"hint: {problem.hint}\n")
        return problem.exit_code


def _serve(url: str) -> int:
    if url != BUILTIN_URL:
        raise ScaffoldError(f"no such catalog: {url!r}", hint=f"use {BUILTIN_URL}")
    folder = builtin_root() / "releases"
    if not releases.releases(folder):
        raise ScaffoldError("this mlops-scaffold contains no released version")
    while command := _line():
        if command == "capabilities":
            _say("connect\n\n")
        elif command == f"connect {_SERVICE}":
            with releases.repository(folder) as repo:
                _say("\n")
                return _upload_pack(str(repo))
        else:
            raise ScaffoldError(f"git asked for {command!r}, which is not supported")
    return 0


def _upload_pack(repo: str) -> int:
    return subprocess.run(
        ["git", "upload-pack", "--strict", repo], env=git.environment(), check=False
    ).returncode


def _line() -> str:
    """A line from git, and not a byte more: what follows is for upload-pack."""
    said = b""
    while not said.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            return ""
        said += byte
    return said.decode(errors="replace").rstrip("\n")


def _say(text: str) -> None:
    os.write(1, text.encode())
