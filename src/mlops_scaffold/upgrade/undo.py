"""Undoing an upgrade: files and index as they were before it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mlops_scaffold.git import head, index
from mlops_scaffold.upgrade import journal, work_tree
from mlops_scaffold.upgrade.journal import Phase

if TYPE_CHECKING:
    from mlops_scaffold.git.repo import Repo
    from mlops_scaffold.upgrade.journal import Journal


def undo(repo: Repo, begun: Journal) -> dict[str, str]:
    """Bring files and index back to what they were before the upgrade.

    Returns:
        Path -> id of the git blob with what was written there since by other hands.

    Raises:
        ScaffoldError: Another git process is running.
    """
    with index.locked(repo):
        return take_back(repo, begun)


def take_back(repo: Repo, begun: Journal) -> dict[str, str]:
    """As `undo`, while the index is locked."""
    place = journal.folder(repo)
    journal.advance(repo, Phase.UNDOING)
    rescued = _rescue(repo, begun)
    for step in begun.steps:
        work_tree.remove_draft(repo.top / step.path)
        if not step.before:
            work_tree.remove(repo.top / step.path)
    modes = dict(begun.folders)
    work_tree.prune(repo, (step.path for step in begun.steps if step.writes), keep=modes)
    for step in begun.steps:
        backup = place / "backup" / step.path
        if os.path.lexists(backup) and not work_tree.same(backup, repo.top / step.path):
            work_tree.make_parents(repo, step.path, modes)
            work_tree.move(backup, repo.top / step.path)
    if not (place / "index.new").exists():  # else the index was never touched
        before = {path: begun.before.get(path, {}) for path in {*begun.after, *begun.before}}
        index.replace_entries(repo, before, place / "index.back")
    if begun.branch:
        head.switch_back(repo, begun.branch, begun.head)
    journal.forget(repo)
    return rescued


def _rescue(repo: Repo, begun: Journal) -> dict[str, str]:
    """Store files that were changed since the upgrade wrote them, before they are put back."""
    changed: dict[str, str] = {}
    for step in begun.steps:
        target = repo.top / step.path
        if target.is_symlink() or not target.is_file():
            continue
        if work_tree.digest(target) not in (step.after, step.before):
            command = ("hash-object", "-w", "--no-filters", "--stdin")
            changed[step.path] = repo.run(*command, stdin=target.read_bytes()).decode().strip()
    return changed
