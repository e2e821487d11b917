"""What stands where an upgrade would write. All of it is found before anything is touched.

Git counts ignored files as expendable and overwrites them without a word in a merge or a checkout;
so every path to be written is compared with what is there.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from mlops_scaffold.errors import ScaffoldError
from mlops_scaffold.git.objects import SUBMODULE
from mlops_scaffold.upgrade.untracked_files import content

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from mlops_scaffold.git.objects import Entry
    from mlops_scaffold.git.repo import Repo
    from mlops_scaffold.upgrade.model import Plan
    from mlops_scaffold.upgrade.snapshot import Index

_SHOWN = 20


def stands(repo: Repo, path: str) -> bool:
    """Whether a file or link is there, reached through real folders."""
    return content(repo.top / path) is not None and not _through_link(repo, path)


def reachable(repo: Repo, path: str, tracked: Mapping[str, Entry]) -> bool:
    """Whether the way to a path leads through folders only: no link, no submodule."""
    return not _through_link(repo, path) and not any(
        parent in tracked for parent in _parents(repo, path)
    )


def check(repo: Repo, index: Index, plan: Plan, new: Path, blocked: Iterable[str]) -> None:
    """Refuse a plan that would overwrite what git has no copy of.

    Raises:
        ScaffoldError: Naming every path that is in the way.
    """
    hidden = sorted((plan.files.keys() | plan.stages.keys()) & index.hidden)
    if hidden:
        raise ScaffoldError(
            "these files would change, but git was told not to look at them (assume-unchanged, "
            f"skip-worktree or sparse checkout):\n{listed(hidden)}",
            hint="show them to git first: git update-index --no-assume-unchanged "
            "--no-skip-worktree FILE, or git sparse-checkout disable",
        )
    leaving = {p for files in (plan.files, plan.loose) for p, entry in files.items() if not entry}
    arriving = [path for path in (*plan.files, *plan.loose) if path not in leaving]
    found = set(blocked)
    for path in arriving:
        found |= set(_above(repo, path, leaving))
        if path not in index.entries and path not in plan.loose:
            found |= set(_there(repo, path, leaving, new / path.removeprefix(repo.prefix)))
    if any(entry and entry.mode == SUBMODULE for entry in plan.files.values()):
        raise ScaffoldError("the template brings a submodule; upgrades can't follow that")
    if found:
        raise ScaffoldError(
            "these are in the way of new files of the template, and git has no copy of them:\n"
            + listed(sorted(found)),
            hint="move or rename them, then upgrade again; nothing was touched",
        )


def listed(paths: Iterable[str]) -> str:
    """Paths for people, one a line."""
    lines = [
        f"  {path}".encode(errors="surrogateescape").decode(errors="replace") for path in paths
    ]
    more = [f"  and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    return "\n".join([*lines[:_SHOWN], *more])


def _there(repo: Repo, path: str, leaving: set[str], rendered: Path) -> Iterator[str]:
    """What stands at a path that the project doesn't track."""
    place = repo.top / path
    try:
        mode = place.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return
    if stat.S_ISDIR(mode):
        for here, folders, files in os.walk(place):
            inside = os.path.relpath(here, repo.top)
            if not folders and not files:
                yield inside
            yield from (p for name in files if (p := f"{inside}/{name}") not in leaving)
            yield from (f"{inside}/{n}" for n in folders if (place / here / n).is_symlink())
    elif path not in leaving and content(place) != content(rendered):
        yield path


def _above(repo: Repo, path: str, leaving: set[str]) -> Iterator[str]:
    """Parents of a path that are no folders of the project: files, links, other repositories."""
    for parent in _parents(repo, path):
        place = repo.top / parent
        try:
            mode = place.lstat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            return
        if not stat.S_ISDIR(mode):
            if parent not in leaving:
                yield parent
            return
        if os.path.lexists(place / ".git"):
            yield parent


def _through_link(repo: Repo, path: str) -> bool:
    return any((repo.top / parent).is_symlink() for parent in _parents(repo, path))


def _parents(repo: Repo, path: str) -> Iterator[str]:
    """The folders above a path, outermost first, within the project."""
    inside = path.removeprefix(repo.prefix).split("/")[:-1]
    for depth in range(1, len(inside) + 1):
        yield repo.prefix + "/".join(inside[:depth])
