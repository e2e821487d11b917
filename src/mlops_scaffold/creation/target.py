"""The folder that becomes a new project: which one, whether it is free, and the move into it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from mlops_scaffold.errors import ScaffoldError
from mlops_scaffold.render import names

_SHOWN = 8
_OTHER = "choose another folder: mlops-scaffold new PROJECT DIR"


def current_folder() -> Path:
    """The folder in which the program was started.

    Raises:
        ScaffoldError: It was removed.
    """
    try:
        return Path.cwd()
    except OSError as error:
        raise ScaffoldError(
            "the current folder no longer exists", hint="change to one that does: cd"
        ) from error


def absolute(path: Path) -> Path:
    """`path` from the root down.

    Raises:
        ScaffoldError: As `current_folder`.
    """
    # Not resolved: a symbolic link in its place is to be refused, not followed.
    return Path(os.path.normpath(path if path.is_absolute() else current_folder() / path))


def existing_parent(target: Path) -> Path:
    """The nearest folder above `target` that exists."""
    return next(folder for folder in target.parents if os.path.lexists(folder))


def check_target(target: Path) -> None:
    """Refuse a folder that can't become the project, and say what is in the way.

    Raises:
        UsageError: Its name is unfit.
        ScaffoldError: Something is there, or nothing can be written there.
    """
    names.check_folder_name(target.name)
    try:
        _check_free(target)
        parent = existing_parent(target)
    except OSError as error:
        raise ScaffoldError(f"cannot make {target}: {error.strerror}", hint=_OTHER) from error
    if not parent.is_dir():
        raise ScaffoldError(f"{parent} is a file, so nothing can be made in it", hint=_OTHER)
    if not os.access(parent, os.W_OK | os.X_OK):
        raise ScaffoldError(f"cannot write in {parent}", hint=_OTHER)


def move(rendered: Path, target: Path, scratch: Path) -> None:
    """Move the project to `target`, with the folders above it that are missing, in one rename.

    Raises:
        ScaffoldError: The system refuses; nothing was made.
    """
    parent = existing_parent(target)
    missing = target.relative_to(parent)
    staged = scratch / "staged" / missing
    try:
        staged.parent.mkdir(parents=True)
        rendered.rename(staged)
        if target.is_dir() and os.name == "nt":  # other systems rename over an empty folder
            target.rmdir()
        (scratch / "staged" / missing.parts[0]).rename(parent / missing.parts[0])
    except OSError as error:
        raise ScaffoldError(f"cannot make {target}: {error.strerror}", hint=_OTHER) from error


def _check_free(target: Path) -> None:
    if target.is_symlink():
        raise ScaffoldError(f"{target} is a symbolic link", hint=_OTHER)
    if target.is_dir():
        with contextlib.suppress(PermissionError):
            if held := sorted(path.name for path in target.iterdir()):
                more = f" and {len(held) - _SHOWN} more" if len(held) > _SHOWN else ""
                listed = ", ".join(held[:_SHOWN]) + more
                raise ScaffoldError(f"{target} is not empty: it holds {listed}", hint=_OTHER)
    elif target.exists():
        raise ScaffoldError(f"{target} is a file", hint=_OTHER)
