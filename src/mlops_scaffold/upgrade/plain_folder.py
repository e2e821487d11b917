"""How a project that isn't under git differs from its template."""

from __future__ import annotations

import difflib
import os
from typing import TYPE_CHECKING

from mlops_scaffold.answers import FILE_NAME
from mlops_scaffold.upgrade.snapshot import walk
from mlops_scaffold.upgrade.untracked import content

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pathspec import GitIgnoreSpec

    _Rules = tuple[Path, GitIgnoreSpec]  # a folder and what its .gitignore says

_COLOURS = {"@": "36", "+": "32", "-": "31"}


def compare(base: Path, project: Path, *, own: str) -> tuple[set[str], set[str], set[str]]:
    """Files that were edited, deleted and added; those in `.gitignore` don't count as added.

    Args:
        base: The recorded version as rendered.
        project: The project.
        own: The answers file, which is ours.
    """
    rendered = {path for path in walk(base) if path != FILE_NAME}
    present = {path for path in rendered if os.path.lexists(project / path)}
    edited = {path for path in present if content(project / path) != content(base / path)}
    added = set(_not_ignored(project, project, [])) - rendered - {own}
    return edited, rendered - present, added


def diff(base: Path, project: Path, paths: Iterable[str], *, colour: bool) -> bytes:
    """The changes to some files, line by line, as `git diff` shows them."""
    parts = (_diff_one(base, project, path, colour=colour) for path in sorted(paths))
    return "".join(parts).encode(errors="surrogateescape")


def _diff_one(base: Path, project: Path, path: str, *, colour: bool) -> str:
    before, after = (_lines(root / path) for root in (base, project))
    names = f"a/{path}", f"b/{path}" if os.path.lexists(project / path) else "/dev/null"
    head = f"diff --git a/{path} b/{path}\n"
    if any("\0" in line for line in (*before, *after)):
        return f"{head}Binary files {names[0]} and {names[1]} differ\n"
    lines = [head, *map(_ended, difflib.unified_diff(before, after, *names))]
    return "".join(_painted(line) if colour else line for line in lines)


def _ended(line: str) -> str:
    return line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _painted(line: str) -> str:
    code = "1" if line.startswith(("diff ", "---", "+++")) else _COLOURS.get(line[0], "")
    text = line.rstrip("\n")
    return f"\x1b[{code}m{text}\x1b[m\n" if code else line


def _lines(file: Path) -> list[str]:
    if file.is_symlink():
        return [os.fspath(file.readlink())]
    if not file.is_file():
        return []
    return file.read_bytes().decode(errors="surrogateescape").splitlines(keepends=True)


def _not_ignored(top: Path, folder: Path, rules: list[_Rules]) -> Iterator[str]:
    """Files below a folder that no `.gitignore` on the way leaves out; never through a link."""
    import pathspec  # noqa: PLC0415  # only for projects without git

    own = folder / ".gitignore"
    if own.is_file():
        lines = own.read_text(encoding="utf-8", errors="replace").splitlines()
        rules = [*rules, (folder, pathspec.GitIgnoreSpec.from_lines(lines))]
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        path = folder / entry.name
        is_folder = entry.is_dir(follow_symlinks=False)
        if entry.name == ".git" or _ignored(path, rules, is_folder=is_folder):
            continue
        if is_folder:
            yield from _not_ignored(top, path, rules)
        else:
            yield path.relative_to(top).as_posix()


def _ignored(path: Path, rules: list[_Rules], *, is_folder: bool) -> bool:
    """What the nearest `.gitignore` with a rule for the path says."""
    for folder, spec in reversed(rules):
        inside = path.relative_to(folder).as_posix() + "/" * is_folder
        verdict = spec.check_file(inside).include
        if verdict is not None:
            return bool(verdict)
    return False
