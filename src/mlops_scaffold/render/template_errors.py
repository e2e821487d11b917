"""Errors of a template, with the file and line that cause them.

Copier and Jinja raise many kinds of exceptions, with paths in scratch folders or none at all. What
people need is the template's file, as the catalog names it, and the line.
"""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2
from copier.errors import CopierError, ForbiddenPathError, UserMessageError

from mlops_scaffold.errors import ScaffoldError

if TYPE_CHECKING:
    from mlops_scaffold.catalog.copier_yml import Entry

_FROM_JINJA = "__jinja_exception__"  # marks the frames that Jinja adds for lines of a template
_HINT = "for its authors: mlops-scaffold catalog lint"


def in_file(error: Exception, file: Path, root: Path) -> ScaffoldError:
    """The error of a template's file.

    Args:
        error: What was raised while the file was rendered.
        file: The file, relative to `root`.
        root: The catalog.
    """
    if isinstance(error, OSError) and not isinstance(error, jinja2.TemplateError):
        return _unwritable(error)
    found = _frame(error, root)
    if found is None and isinstance(error, UnicodeDecodeError):
        before = error.object[: error.start]
        found = file, before.count(b"\n") + 1
    if found is None:
        return ScaffoldError(
            f"the template is broken: {file.as_posix()}: {_said(error)}", hint=_HINT
        )
    place, line = found
    through = "" if place == file else f" (rendering {file.as_posix()})"
    return ScaffoldError(
        f"the template is broken: {place.as_posix()}, line {line}: {_said(error)}{through}",
        hint=_HINT,
    )


def in_question(error: Exception, entry: Entry, root: Path) -> ScaffoldError:
    """The error of one of a question's own expressions, such as its default."""
    place = f"{relative(entry.node.file, root)}, line {entry.node.line()}"
    return ScaffoldError(
        f"the template is broken: {place}: {entry.key}: {_said(error)}", hint=_HINT
    )


def in_setting(error: Exception, name: str) -> ScaffoldError:
    """The error of a setting in `copier.yml`."""
    return ScaffoldError(f"the template is broken: copier.yml: {name}: {_said(error)}", hint=_HINT)


def elsewhere(error: Exception, root: Path) -> ScaffoldError:
    """An error in none of the template's files: most likely in a setting."""
    if isinstance(error, OSError) and not isinstance(error, jinja2.TemplateError):
        return _unwritable(error)
    found = _frame(error, root)
    place = f"{found[0].as_posix()}, line {found[1]}" if found else "copier.yml"
    return ScaffoldError(f"the template is broken: {place}: {_said(error)}", hint=_HINT)


def relative(file: Path, root: Path) -> str:
    """A file of the catalog, as the catalog names it."""
    return file.relative_to(root).as_posix() if file.is_relative_to(root) else str(file)


def _unwritable(error: OSError) -> ScaffoldError:
    return ScaffoldError(
        f"cannot write the project: {error.strerror or error}",
        hint="make room, or choose a folder with room on its disk",
    )


def _frame(error: Exception, root: Path) -> tuple[Path, int] | None:
    """The innermost line of a template's file in the traceback, if any."""
    if isinstance(error, jinja2.TemplateSyntaxError):
        name = error.filename or error.name
        inside = _inside(name, root) if name else None
        return (inside, error.lineno) if inside else None
    found = None
    for frame, line in traceback.walk_tb(error.__traceback__):
        if _FROM_JINJA in frame.f_globals and (inside := _inside(frame.f_code.co_filename, root)):
            found = inside, line
    return found


def _inside(filename: str, root: Path) -> Path | None:
    """The file of the catalog that Jinja knows by `filename`.

    That may be its path in another version of the catalog, which had the same text.
    """
    parts = Path(filename).parts
    for start in range(1, len(parts)):
        if (root / Path(*parts[start:])).is_file():
            return Path(*parts[start:])
    return None


def _said(error: BaseException) -> str:  # noqa: PLR0911  # a sentence each
    if isinstance(error, UserMessageError) and error.__cause__ is not None:
        return _said(error.__cause__)  # Copier's own adds a path in its own style
    if isinstance(error, ForbiddenPathError):
        return f"refused: {str(error).partition(' is forbidden')[0]} is outside of the project"
    if isinstance(error, jinja2.TemplateNotFound):
        return f"there is no file {error.name!r} in the catalog to include"
    if isinstance(error, jinja2.TemplateError):
        return error.message or type(error).__name__
    if isinstance(error, UnicodeDecodeError):
        byte = error.object[error.start : error.start + 1].hex()
        return f"not UTF-8 at byte {error.start} (0x{byte})"
    if isinstance(error, MemoryError):
        return "it takes more memory than there is"
    if isinstance(error, RecursionError):
        return "it recurses without end"
    text = str(error)
    if isinstance(error, CopierError):
        return text
    return f"{text} ({type(error).__name__})" if text else type(error).__name__
