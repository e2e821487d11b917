"""The plan: what the merge means for each file, the index and the work tree."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from mlops_scaffold.upgrade.model import Change, Plan, Verdict
from mlops_scaffold.upgrade.preflight import check_plan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlops_scaffold.git.index import Index
    from mlops_scaffold.git.objects import Entry
    from mlops_scaffold.git.repo import Repo
    from mlops_scaffold.upgrade.merge import Merged


def make_plan(repo: Repo, index: Index, merged: Merged) -> Plan:
    """Decide what to write, remove and report.

    Raises:
        ScaffoldError: Something is in the way; all of it is named.
    """
    files: dict[str, Entry | None] = {
        path: entry for path, (_, entry) in merged.differences.items()
    }
    stages = {path: {0: entry} if entry else {} for path, entry in files.items()}
    stages |= {path: dict(entries) for path, entries in merged.result.conflicts.items()}
    copies: dict[str, Path | None] = dict(merged.untracked.copies)
    record = merged.record
    if not merged.result.conflicts and record.entry != merged.recorded:
        if merged.recorded:
            files[record.path], stages[record.path] = record.entry, {0: record.entry}
        else:
            copies[record.path] = record.source
    changes = (*_changes(merged), *merged.changes)
    plan = Plan(
        changes=tuple(sorted(_within(repo, change) for change in changes)),
        stages=stages,
        files=files,
        copies=copies,
        conflicts=tuple(sorted(merged.result.conflicts)),
        index=index,
        record=record,
        before=merged.before,
        after=merged.result.tree,
    )
    check_plan(repo, plan, merged.new, merged.untracked)
    return plan


def _changes(merged: Merged) -> Iterator[Change]:
    """The verdict for each path that differs or is in conflict."""
    inputs, result = merged.inputs, merged.result
    sources = _sources(merged)
    origin = {mine: theirs for theirs, mine in inputs.renamed.items()}
    for path in sorted(merged.differences.keys() | result.conflicts.keys()):
        before, after = merged.differences.get(path, (None, None))
        was = sources.get(path, "")
        mine = was or path
        note = "; ".join(inputs.notes.get(mine, ()))
        if path in result.conflicts:
            reason = result.reasons.get(path, "contents")
            yield Change(path, Verdict.CONFLICT, was, f"{reason}; {note}".removesuffix("; "))
        elif after is None:
            if path not in sources.values():  # else the line of its new name says so
                yield Change(path, Verdict.REMOVED)
        elif before is None and not was:
            yield Change(path, Verdict.ADDED, note=note)
        else:
            edited = merged.committed.get(mine) != merged.rendered.get(origin.get(mine, mine))
            yield Change(path, Verdict.MERGED if edited else Verdict.UPDATED, was, note)


def _sources(merged: Merged) -> dict[str, str]:
    """New name -> old name, of files that move with this upgrade."""
    inputs, differences = merged.inputs, merged.differences
    gone = [path for path, (_, after) in differences.items() if after is None]
    came = {path: after for path, (before, after) in differences.items() if after and not before}
    # A file that follows a renamed folder keeps its content and its name; by content alone, any two
    # empty files would match.
    by_content = {(merged.committed[path].oid, PurePosixPath(path).name): path for path in gone}
    by_template = {target: inputs.renamed.get(path, path) for path, target in inputs.moved.items()}
    found: dict[str, str] = {}
    for path, entry in came.items():
        source = by_template.get(path) or by_content.get((entry.oid, PurePosixPath(path).name))
        if source and source in gone and source not in found.values():
            found[path] = source
    return found


def _within(repo: Repo, change: Change) -> Change:
    """The change with paths of the project instead of the work tree."""
    return replace(change, path=repo.inside(change.path), was=repo.inside(change.was))
