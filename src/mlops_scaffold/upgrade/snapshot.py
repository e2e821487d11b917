"""A rendered folder as git sees it, and what the project's index holds."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from mlops_scaffold.git.objects import FILE, LINK, PROGRAM, Entry
from mlops_scaffold.git.repo import joined, split

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from mlops_scaffold.git.objects import Scratch
    from mlops_scaffold.git.repo import Repo

_CONVERSIONS = ("filter", "ident", "working-tree-encoding")
_LINE_ENDS = ("text", "eol", "crlf")


class Index(NamedTuple):
    """The project's part of the index."""

    entries: Mapping[str, Entry]  # stage 0: what is committed, once the tree is known to be clean
    unmerged: tuple[str, ...]
    hidden: frozenset[str]  # assume-unchanged, skip-worktree and sparse: git looks away


def read_index(repo: Repo) -> Index:
    """Read what git tracks of the project."""
    listing = repo.run("ls-files", "-z", "-v", "--stage", "--", pathspec(repo))
    entries: dict[str, Entry] = {}
    unmerged: list[str] = []
    hidden: set[str] = set()
    for line in split(listing):
        info, _, path = line.partition("\t")
        tag, mode, oid, stage = info.split(" ")
        if stage != "0":
            unmerged.append(path)
        else:
            entries[path] = Entry(mode, oid)
        if tag in ("S", "s", "h"):
            hidden.add(path)
    return Index(entries, tuple(dict.fromkeys(unmerged)), frozenset(hidden))


def dirty(repo: Repo) -> tuple[str, ...]:
    """Tracked files of the project with changes that are not committed, staged or not."""
    # `git diff HEAD` would miss a change that is staged and undone in the work tree.
    listing = repo.run(
        *("status", "--porcelain=v2", "-z", "--untracked-files=no", "--no-renames"),
        *("--", pathspec(repo)),
    )
    return tuple(line.split(" ", 10 if line[0] == "u" else 8)[-1] for line in split(listing))


def snapshot(repo: Repo, folder: Path, store: Scratch, known: frozenset[str]) -> dict[str, Entry]:
    """Store a rendered folder as git would when it was committed at the project's place.

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
    cleaned = _clean(repo, {p: c for p, c in contents.items() if modes[p] != LINK}, store)
    return {
        path: Entry(modes[path], cleaned.get(path) or store.blob(content, known=known))
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


def _clean(repo: Repo, contents: Mapping[str, bytes], store: Scratch) -> dict[str, str]:
    """Ids of those files that git converts on their way in; the others are stored as they are.

    Asking git for each file takes a process each, so it is asked only where it matters: end-of-line
    rules only touch files that have carriage returns.
    """
    rules = _attributes(repo, contents)
    auto = repo.config.get("core.autocrlf", "false") != "false"
    cleaned: dict[str, str] = {}
    for path, content in contents.items():
        mine = rules.get(path, {})
        ends = b"\r" in content and (auto or any(name in mine for name in _LINE_ENDS))
        if ends or any(name in mine for name in _CONVERSIONS):
            command = ("hash-object", "-w", "--stdin", f"--path={path}")
            cleaned[path] = repo.run(*command, stdin=content, env=store.env).decode().strip()
    return cleaned


def _attributes(repo: Repo, paths: Iterable[str]) -> dict[str, dict[str, str]]:
    """Path -> attribute -> value, of those attributes that are set and convert contents."""
    command = ("check-attr", "-z", "--stdin", *_CONVERSIONS, *_LINE_ENDS)
    fields = split(repo.run(*command, stdin=joined(paths)))
    found: dict[str, dict[str, str]] = {}
    for path, name, value in zip(fields[::3], fields[1::3], fields[2::3], strict=True):
        if value not in ("unspecified", "unset"):
            found.setdefault(path, {})[name] = value
    return found


def pathspec(repo: Repo) -> str:
    """What limits a git command to the project."""
    # `:(top,literal)` as a project's folder may be called `[a]*`.
    return f":(top,literal){repo.prefix.rstrip('/')}" if repo.prefix else ":(top)"
