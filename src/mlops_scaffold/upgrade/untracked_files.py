"""Template files that git doesn't track: ignored ones, and those the owner stopped tracking.

Git has no copy of them, so they are never overwritten: a file that is still byte for byte what the
template rendered follows the template, any other stays and is reported.
"""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, NamedTuple

from mlops_scaffold.git.repo import joined, split
from mlops_scaffold.upgrade.model import Change, Verdict

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from mlops_scaffold.git.repo import Repo

_NOT_TRACKED = "not tracked by git"


class Loose(NamedTuple):
    """What becomes of the files that git doesn't track."""

    copies: dict[str, Path | None]  # path within the work tree -> file to copy there; None: it goes
    changes: list[Change]
    blocked: list[str]  # files of the owner's where the new template puts one


def ignored(repo: Repo, new: Path, paths: Collection[str]) -> set[str]:
    """Those of the paths that the project ignores, now or by the new template's rules."""
    if not paths:
        return set()
    command = ("check-ignore", "-z", "--stdin", "--no-index")
    now = split(repo.run(*command, stdin=joined(paths), expect=(0, 1)))
    if not (new / ".gitignore").is_file():
        return set(now)
    inside = [path.removeprefix(repo.prefix) for path in paths]
    rules = repo.run(
        *("--git-dir", str(repo.git_dir), "--work-tree", str(new), "-C", str(new), *command),
        stdin=joined(inside),
        expect=(0, 1),
    )
    return {*now, *(repo.prefix + path for path in split(rules))}


def follow(repo: Repo, base: Path, new: Path, paths: Collection[str]) -> Loose:
    """Decide for each path (within the work tree) what becomes of the file that stands there."""
    result = Loose({}, [], [])
    for path in sorted(paths):
        inside = path.removeprefix(repo.prefix)
        here, old, want = (content(root / inside) for root in (repo.project, base, new))
        verdict = _decide(here, old, want)
        if verdict is Verdict.CONFLICT:
            result.blocked.append(path)
        elif verdict:
            if verdict is not Verdict.KEPT:
                result.copies[path] = new / inside if want is not None else None
            result.changes.append(Change(path, verdict, note=_NOT_TRACKED))
    return result


def content(path: Path) -> bytes | None:
    """What stands at a path: kind and bytes; None if nothing or a folder."""
    try:
        mode = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISLNK(mode):
        return b"link " + str(path.readlink()).encode(errors="surrogateescape")
    kind = b"program " if mode & stat.S_IXUSR else b"file "
    return kind + path.read_bytes() if stat.S_ISREG(mode) else None


def _decide(here: bytes | None, old: bytes | None, want: bytes | None) -> Verdict | None:
    if want in (here, old):
        return None
    if here is None:
        return Verdict.ADDED if old is None else None
    if here == old:
        return Verdict.UPDATED if want is not None else Verdict.REMOVED
    return Verdict.CONFLICT if old is None else Verdict.KEPT
