"""Commands as a person would type them, for hints and next steps.

A command that is printed has to work where it was printed: it names the project's folder, unless
that is the current one.
"""

from __future__ import annotations

import os
import shlex
from contextlib import suppress
from pathlib import Path


def program(verb: str, folder: Path, *options: str) -> str:
    """A command of this program, like `mlops-scaffold upgrade DIR --continue`."""
    words = () if _is_current(folder) else (os.fspath(folder),)
    return shlex.join(("mlops-scaffold", verb, *words, *options))


def git(folder: Path, *args: str) -> str:
    """A git command to run in a folder, like `git -C DIR add FILE`."""
    words = () if _is_current(folder) else ("-C", os.fspath(folder))
    return shlex.join(("git", *words, *args))


def first_commit(folder: Path, *, init: bool = False) -> str:
    """What puts a folder under git."""
    start = [git(folder, "init")] if init else []
    commit = git(folder, "commit", "-m", "Start", "--", ".")  # and nothing that is staged elsewhere
    return " && ".join([*start, git(folder, "add", "."), commit])


def replace_link(link: Path) -> str:
    """What puts the file that a symbolic link leads to in the place of the link."""
    target = os.path.realpath(link)
    return shlex.join(("cp", "--remove-destination", target, os.fspath(link)))


def _is_current(folder: Path) -> bool:
    with suppress(OSError):  # the current folder may be gone
        return Path(os.path.abspath(folder)) == Path.cwd()  # noqa: PTH100  # symbolic links stay
    return False
