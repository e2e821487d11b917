"""Finishing an upgrade that waits for its conflicts, or was interrupted; and undoing one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_scaffold import shell
from mlops_scaffold.errors import ConflictsLeftError, ScaffoldError
from mlops_scaffold.git import head
from mlops_scaffold.git.index import read_index, uncommitted
from mlops_scaffold.git.repo import joined, literal, open_repo
from mlops_scaffold.upgrade import journal, work_tree
from mlops_scaffold.upgrade.apply import carry_on
from mlops_scaffold.upgrade.journal import Phase
from mlops_scaffold.upgrade.preflight import check_no_operation, listed
from mlops_scaffold.upgrade.result import Outcome, UpgradeResult, commit_message
from mlops_scaffold.upgrade.undo import undo
from mlops_scaffold.upgrade.validity import why_gone

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mlops_scaffold.git.repo import Repo
    from mlops_scaffold.upgrade.journal import Journal


def resume(project: Path, *, commit: bool = False) -> UpgradeResult:
    """Finish an upgrade whose conflicts were resolved, or that was interrupted.

    Raises:
        ConflictsLeftError: Some are not; they are named.
        ScaffoldError: There is no unfinished upgrade, it is gone, or only `abort` can end it.
    """
    repo = open_repo(project)
    with journal.lock(repo):
        phase, begun = _unfinished(repo)
        if phase is Phase.DONE:
            raise _none(repo, "unfinished")
        if phase is Phase.UNDOING:
            raise ScaffoldError(
                "the upgrade was being undone when it was interrupted",
                hint=f"finish that: {shell.program('upgrade', repo.folder, '--abort')}",
            )
        check_no_operation(repo)
        if phase is Phase.APPLYING:
            carry_on(repo, begun)
            if begun.conflicts:
                raise _conflicts(repo, begun.conflicts)
        else:
            _check_resolved(repo, begun)
            _record_version(repo, begun)
            journal.advance(repo, Phase.DONE)
        done = ""
        if commit:
            done = head.commit(repo, uncommitted(repo), commit_message(begun.old, begun.new))
            journal.forget(repo)
        outcome = Outcome.COMMITTED if done else Outcome.STAGED
        return UpgradeResult(project, outcome, begun.old, begun.new, commit=done)


def abort(project: Path) -> UpgradeResult:
    """Undo an upgrade that is unfinished, or not committed yet: files and index are as before it.

    Raises:
        ScaffoldError: There is none, or it is gone.
    """
    repo = open_repo(project)
    with journal.lock(repo):
        _, begun = _unfinished(repo)
        rescued = undo(repo, begun)
        return UpgradeResult(project, Outcome.ABORTED, begun.new, begun.old, rescued=rescued)


def _unfinished(repo: Repo) -> tuple[Phase, Journal]:
    """The upgrade that can be finished or undone."""
    found = journal.load(repo)
    if found is None:
        journal.sweep(repo)
        raise _none(repo, "unfinished")
    phase, begun = found
    reason = why_gone(repo, phase, begun)
    if reason:
        journal.forget(repo)
        if phase is Phase.DONE:
            raise _none(repo, "unfinished")
        raise gone(repo, begun, reason)
    return phase, begun


def gone(repo: Repo, begun: Journal, reason: str) -> ScaffoldError:
    """What to say of an upgrade that was left by other ways than ours."""
    return ScaffoldError(
        f"the upgrade from {begun.old} to {begun.new} is no longer there: {reason}."
        " It was forgotten; no file was touched",
        hint=f"start it again: {shell.program('upgrade', repo.folder)}; or, if you committed its"
        f" result, write `_commit: v{begun.new}` in {repo.inside(begun.record)}",
    )


def _none(repo: Repo, kind: str) -> ScaffoldError:
    return ScaffoldError(
        f"no upgrade of {repo.project} is {kind}",
        hint=f"start one: {shell.program('upgrade', repo.folder)}",
    )


def _check_resolved(repo: Repo, begun: Journal) -> None:
    marked = {path for path in begun.conflicts if _has_markers(repo.top / path)}
    left = sorted({*read_index(repo).unmerged, *marked})
    if left:
        raise _conflicts(repo, left)


def _conflicts(repo: Repo, paths: Iterable[str]) -> ConflictsLeftError:
    add, remove = (shell.git(repo.folder, verb, "FILE") for verb in ("add", "rm"))
    return ConflictsLeftError(
        f"conflicts are left in:\n{listed(map(repo.inside, paths))}",
        hint=f"edit each file, then: {add}; or delete it: {remove}; in the end:"
        f" {shell.program('upgrade', repo.folder, '--continue')}",
    )


def _has_markers(file: Path) -> bool:
    if file.is_symlink() or not file.is_file():
        return False
    starts = (b"<<<<<<< yours", b">>>>>>> template v")
    return any(line.startswith(starts) for line in file.read_bytes().splitlines())


def _record_version(repo: Repo, begun: Journal) -> None:
    """Write the answers file of the new version; the last step of an upgrade with conflicts."""
    file = repo.top / begun.record
    if file.is_symlink():
        raise ScaffoldError(f"{file} is a symbolic link; it must be a plain file")
    draft = work_tree.draft(file)
    draft.write_bytes(begun.record_text.encode())
    draft.replace(file)
    if repo.run("ls-files", "-z", "--", literal(begun.record)):
        repo.run("update-index", "--add", "-z", "--stdin", stdin=joined([begun.record]))
