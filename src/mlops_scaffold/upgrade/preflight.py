"""What is in the way of an upgrade. All of it is found before anything is touched.

Git counts ignored files as expendable and overwrites them without a word in a merge or a checkout;
so every path to be written is compared with what is there.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from mlops_scaffold import shell
from mlops_scaffold.errors import ScaffoldError
from mlops_scaffold.git.index import uncommitted
from mlops_scaffold.git.objects import SUBMODULE
from mlops_scaffold.git.repo import joined, operation_in_progress
from mlops_scaffold.upgrade.untracked import content

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from mlops_scaffold.git.index import Index
    from mlops_scaffold.git.objects import Entry
    from mlops_scaffold.git.repo import Repo
    from mlops_scaffold.upgrade.model import Plan
    from mlops_scaffold.upgrade.untracked import UntrackedFiles

_SHOWN = 20


def is_present(repo: Repo, path: str) -> bool:
    """Whether a file or link is there, reached through real folders."""
    return content(repo.top / path) is not None and not _through_link(repo, path)


def is_reachable(repo: Repo, path: str, tracked: Mapping[str, Entry]) -> bool:
    """Whether the way to a path leads through folders only: no link, no submodule."""
    return not _through_link(repo, path) and not any(
        parent in tracked for parent in repo.parents(path)
    )


def check_no_operation(repo: Repo) -> None:
    """Refuse while git is in the middle of a merge, a rebase and the like.

    Raises:
        ScaffoldError: It is.
    """
    doing = operation_in_progress(repo)
    if doing:
        finish, undo = (shell.git(repo.folder, doing, way) for way in ("--continue", "--abort"))
        raise ScaffoldError(
            f"a {doing} is in progress in {repo.top}",
            hint=f"finish it first: {finish}; or undo it: {undo}",
        )


def check_tracked(repo: Repo, index: Index) -> None:
    """Refuse a project that git doesn't track: nothing could be merged.

    Raises:
        ScaffoldError: It is in a repository, but none of its files is tracked.
    """
    if index.entries or index.unmerged:
        return
    command = ("check-ignore", "--verbose", "--no-index", "--stdin", "-z")
    path = joined([repo.prefix.rstrip("/")]) if repo.prefix else b""
    rule = repo.run(*command, stdin=path, expect=(0, 1)).decode(errors="replace") if path else ""
    if rule:
        source, line, pattern = rule.split("\0")[:3]
        raise ScaffoldError(
            f"{repo.folder} is ignored by git, which has no copy of it to merge with"
            f" ({source}:{line}: {pattern})",
            hint="remove that rule and commit the project, or give it a repository of its own: "
            + shell.first_commit(repo.folder, init=True),
        )
    raise ScaffoldError(
        f"no file of {repo.folder} is tracked by git, which has no copy of it to merge with",
        hint=f"commit the project first: {shell.first_commit(repo.folder)}",
    )


def check_committed(repo: Repo, index: Index) -> None:
    """Refuse a project with changes that are not committed.

    Raises:
        ScaffoldError: Naming the files.
    """
    if index.unmerged:
        raise ScaffoldError(
            f"conflicts are not resolved in:\n{listed(index.unmerged)}",
            hint=f"edit each file, then: {shell.git(repo.folder, 'add', 'FILE')}; and commit",
        )
    changed = uncommitted(repo)
    if changed:
        commit = shell.git(repo.folder, "commit", "-m", "Before the upgrade", "--", ".")
        stash = shell.git(repo.folder, "stash", "push", "--", ".")
        raise ScaffoldError(
            f"these files have changes that are not committed:\n{listed(changed)}",
            hint=f"commit them first: {commit}; or put them aside: {stash}",
        )


def check_plan(repo: Repo, plan: Plan, new: Path, untracked: UntrackedFiles) -> None:
    """Refuse a plan that would overwrite what git has no copy of, or drop a change.

    Raises:
        ScaffoldError: Naming every path that is in the way.
    """
    _check_hidden(repo, plan)
    if any(entry and entry.mode == SUBMODULE for entry in plan.files.values()):
        raise ScaffoldError("the template brings a submodule; upgrades can't follow that")
    if untracked.forgotten:
        names = [repo.inside(path) for path in untracked.forgotten]
        add = shell.git(repo.folder, "add", "--", *names)
        commit = shell.git(repo.folder, "commit", "-m", "Track", "--", *names)
        raise ScaffoldError(
            "the template changes these files, which you edited and git doesn't track:\n"
            + listed(untracked.forgotten),
            hint=f"commit them first: {add} && {commit}; or list them in .gitignore, to keep them"
            " as they are",
        )
    found = {*untracked.blocked, *_in_the_way(repo, plan, new)}
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


def _check_hidden(repo: Repo, plan: Plan) -> None:
    changing = plan.files.keys() | plan.stages.keys()
    assumed = sorted(map(repo.inside, changing & plan.index.assumed))
    skipped = sorted(map(repo.inside, changing & plan.index.skipped))
    if not assumed and not skipped:
        return
    ways = []
    if assumed:
        command = ("update-index", "--no-assume-unchanged", "--", *assumed)
        ways.append(shell.git(repo.folder, *command))
    if repo.run("config", "--get", "core.sparseCheckout", expect=(0, 1)).strip() == b"true":
        ways.append(shell.git(repo.folder, "sparse-checkout", "disable"))
    elif skipped:
        ways.append(shell.git(repo.folder, "update-index", "--no-skip-worktree", "--", *skipped))
    hidden = sorted(changing & plan.index.hidden)
    raise ScaffoldError(
        "these files would change, but git was told not to look at them (assume-unchanged, "
        f"skip-worktree or sparse checkout):\n{listed(hidden)}",
        hint=f"show them to git first: {' && '.join(ways)}",
    )


def _in_the_way(repo: Repo, plan: Plan, new: Path) -> Iterator[str]:
    leaving = {p for files in (plan.files, plan.copies) for p, entry in files.items() if not entry}
    for path in (*plan.files, *plan.copies):
        if path in leaving:
            continue
        yield from _above(repo, path, leaving)
        if path not in plan.index.entries and path not in plan.copies:
            yield from _at(repo, path, leaving, new / repo.inside(path))


def _at(repo: Repo, path: str, leaving: set[str], rendered: Path) -> Iterator[str]:
    """What is at a path that the project doesn't track."""
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
    for parent in repo.parents(path):
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
    return any((repo.top / parent).is_symlink() for parent in repo.parents(path))
