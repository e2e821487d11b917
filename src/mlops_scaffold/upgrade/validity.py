"""Whether the upgrade of a journal is still there.

A journal belongs to one commit, one index and one work tree. After `git reset --hard`, a commit, a
stash or another branch it says nothing about the project any more: finishing it would record a
version that was never merged, and undoing it would overwrite later work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_scaffold.git.index import read_index, resolved
from mlops_scaffold.upgrade import work_tree
from mlops_scaffold.upgrade.journal import Phase

if TYPE_CHECKING:
    from mlops_scaffold.git.repo import Repo
    from mlops_scaffold.upgrade.journal import Journal, Step


def why_gone(repo: Repo, phase: Phase, begun: Journal) -> str:
    """Why nothing is left of an upgrade; "" if it is still there."""
    if repo.head != begun.commit:
        return f"HEAD has moved since, from {begun.commit[:10]} to {repo.head[:10]}"
    interrupted = phase in (Phase.APPLYING, Phase.UNDOING)
    there = _partly_there(repo, begun) if interrupted else _is_there(repo, begun)
    return "" if there else "its changes were taken back"


def _is_there(repo: Repo, begun: Journal) -> bool:
    """Whether the index or the work tree still has what an upgrade wrote."""
    index = read_index(repo)
    if any(index.unmerged.get(path) == begun.after[path] for path in begun.conflicts):
        return True
    clean = begun.unconflicted
    if not begun.after:  # it only wrote files that git doesn't track
        return any(_written(repo, step) for step in begun.steps)
    if not clean:
        remembered = resolved(repo)
        return any(remembered.get(path) == begun.after[path] for path in begun.conflicts)
    for path in clean:
        before, after = (stages.get(path, {}).get(0) for stages in (begun.before, begun.after))
        if index.entries.get(path) == after != before:
            return True
    # Unstaged, or stashed and brought back. A file that was not there before proves nothing: git
    # leaves it behind as untracked.
    steps = [step for step in begun.steps if step.path in clean and step.before]
    return any(_written(repo, step) for step in steps)


def _partly_there(repo: Repo, begun: Journal) -> bool:
    """Whether an interrupted upgrade left anything, or nothing was changed since."""
    found = [work_tree.digest(repo.top / step.path) for step in begun.steps]
    pairs = list(zip(begun.steps, found, strict=True))
    placed = any(digest == step.after != step.before for step, digest in pairs)
    return placed or all(digest in (step.before, step.after) for step, digest in pairs)


def _written(repo: Repo, step: Step) -> bool:
    after = work_tree.digest(repo.top / step.path)
    return step.writes and after == step.after != step.before
