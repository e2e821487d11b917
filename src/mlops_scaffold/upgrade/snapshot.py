"""A rendered folder as git would store it at the project's place."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from mlops_scaffold.git.objects import FILE, LINK, PROGRAM, Entry
from mlops_scaffold.git.repo import joined, split

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from mlops_scaffold.git.objects import Scratch
    from mlops_scaffold.git.repo import Repo

_CONVERSIONS = ("filter", "ident", "working-tree-encoding")
_LINE_ENDS = ("text", "eol", "crlf")


def snapshot(repo: Repo, folder: Path, store: Scratch, known: frozenset[str]) -> dict[str, Entry]:
    """Store a rendered folder as git would if it were committed at the project's place.

    Args:
        repo: Its attributes, filters and end-of-line rules apply.
        folder: The rendered project.
        store: Where the contents go.
        known: Objects that the project has already.

    Returns:
        Path within the work tree -> entry.
    """
    files = {repo.prefix + path: folder / path for path in walk(folder)}
    modes = {path: _mode(file) for path, file in files.items()}
    contents = {
        path: os.fsencode(file.readlink()) if modes[path] == LINK else file.read_bytes()
        for path, file in files.items()
    }
    converted = _convert(repo, {p: c for p, c in contents.items() if modes[p] != LINK}, store)
    return {
        path: Entry(modes[path], converted.get(path) or store.blob(content, known=known))
        for path, content in contents.items()
    }


def walk(folder: Path) -> Iterator[str]:
    """Files and symbolic links below `folder`, as relative paths, sorted; never through a link."""
    for here, folders, files in os.walk(folder):
        folders.sort()
        links = [name for name in folders if (os.path.islink(os.path.join(here, name)))]  # noqa: PTH114, PTH118 - a Path each is slow on large trees
        base = os.path.relpath(here, folder)
        for name in sorted([*files, *links]):
            yield name if base == "." else f"{base}/{name}"


def _mode(file: Path) -> str:
    mode = file.lstat().st_mode
    if stat.S_ISLNK(mode):
        return LINK
    return PROGRAM if mode & stat.S_IXUSR else FILE


def _convert(repo: Repo, contents: Mapping[str, bytes], store: Scratch) -> dict[str, str]:
    """Ids of those files that git converts on their way in; the others are stored as they are.

    Asking git takes a process for each file, so it is asked only where it matters: end-of-line
    rules only touch files that have carriage returns.
    """
    rules = _attributes(repo, contents)
    converted: dict[str, str] = {}
    for path, content in contents.items():
        mine = rules.get(path, {})
        ends = b"\r" in content and (repo.autocrlf or any(name in mine for name in _LINE_ENDS))
        if ends or any(name in mine for name in _CONVERSIONS):
            command = ("hash-object", "-w", "--stdin", f"--path={path}")
            converted[path] = repo.run(*command, stdin=content, env=store.env).decode().strip()
    return converted


def _attributes(repo: Repo, paths: Iterable[str]) -> dict[str, dict[str, str]]:
    """Path -> attribute -> value, of those attributes that are set and convert contents."""
    command = ("check-attr", "-z", "--stdin", *_CONVERSIONS, *_LINE_ENDS)
    fields = split(repo.run(*command, stdin=joined(paths)))
    found: dict[str, dict[str, str]] = {}
    for path, name, value in zip(fields[::3], fields[1::3], fields[2::3], strict=True):
        if value not in ("unspecified", "unset"):
            found.setdefault(path, {})[name] = value
    return found
