"""Template files that git doesn't track: ignored ones, and those the owner stopped tracking.

Git has no copy of them, so they are never overwritten: a file that is still byte for byte what the
template rendered follows the template, any other stays and is reported.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_scaffold.git.index import write_entries
from mlops_scaffold.git.repo import joined, split
from mlops_scaffold.upgrade.model import Change, Verdict

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from mlops_scaffold.git.objects import Entry, Scratch
    from mlops_scaffold.git.repo import Repo

_NOT_TRACKED = "not tracked by git"


@dataclass(frozen=True)
class UntrackedFiles:
    """What becomes of the files that git doesn't track; paths within the work tree."""

    copies: Mapping[str, Path | None]  # the file to copy there; None: it is removed
    changes: tuple[Change, ...]
    blocked: tuple[str, ...]  # the owner's files where the new template puts one
    forgotten: tuple[str, ...]  # edited, and neither tracked nor ignored: nobody decided so


def ignored(repo: Repo, store: Scratch, new: Path, entries: Mapping[str, Entry]) -> set[str]:
    """Those of the paths that the project ignores, now or by the new template's rules.

    Only `.gitignore` counts, which everyone who works on the project has: with the rules of one
    person (`core.excludesFile`, `.git/info/exclude`) files would be missing from the commit.
    """
    if not entries:
        return set()
    found = _ignored_in(repo, store, entries)
    if any(new.rglob(".gitignore")):
        within = {repo.inside(path): entry for path, entry in entries.items()}
        place = ("-C", str(new), "--git-dir", str(repo.git_dir), "--work-tree", str(new))
        found |= {repo.prefix + path for path in _ignored_in(repo, store, within, *place)}
    return found


def _ignored_in(repo: Repo, store: Scratch, entries: Mapping[str, Entry], *place: str) -> set[str]:
    """Ask for paths as if they were tracked: `git check-ignore` can't leave out personal rules."""
    index = store.root / "ignored.index"
    index.unlink(missing_ok=True)
    env = {"GIT_INDEX_FILE": str(index)}
    write_entries(repo, {path: {0: entry} for path, entry in entries.items()}, env)
    rules = "--exclude-per-directory=.gitignore"
    return {*split(repo.run(*place, "ls-files", "-z", "--cached", "--ignored", rules, env=env))}


def follow(repo: Repo, base: Path, new: Path, paths: Collection[str]) -> UntrackedFiles:
    """Decide for each path (within the work tree) what becomes of the file that is there."""
    copies: dict[str, Path | None] = {}
    changes: list[Change] = []
    blocked: list[str] = []
    kept: list[str] = []
    for path in sorted(paths):
        inside = repo.inside(path)
        here, old, want = (content(root / inside) for root in (repo.project, base, new))
        verdict = _decide(here, old, want)
        if verdict is Verdict.CONFLICT:
            blocked.append(path)
            continue
        if verdict is Verdict.KEPT:
            kept.append(path)
        elif verdict:
            copies[path] = new / inside if want is not None else None
        if verdict:
            changes.append(Change(path, verdict, note=_NOT_TRACKED))
    excluded = _excluded(repo, kept) if kept else set()
    forgotten = tuple(path for path in kept if path not in excluded)
    return UntrackedFiles(copies, tuple(changes), tuple(blocked), forgotten)


def _excluded(repo: Repo, paths: Collection[str]) -> set[str]:
    """Those of the paths that git ignores here, by whatever rule."""
    command = ("check-ignore", "-z", "--stdin", "--no-index")
    return {*split(repo.run(*command, stdin=joined(paths), expect=(0, 1)))}


def content(path: Path) -> bytes | None:
    """What is at a path: kind and bytes; None if nothing or a folder."""
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
