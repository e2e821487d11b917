"""The merge: base render, new render and the owner's tree -> a plan. Nothing is touched.

Three trees are built in a scratch store: B (the base render), N (the new render) and O (what the
owner committed), as commits of which N and O are children of B. Git merges O and N as it would
merge two branches: with rename detection, binaries, modes, attributes. What is left to us is what
git can't know: files the owner deleted or stopped tracking, dependency lists, generated files.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from mlops_scaffold.answers import FILE_NAME
from mlops_scaffold.git.objects import LINK, SUBMODULE
from mlops_scaffold.upgrade import preflight, trees, untracked_files
from mlops_scaffold.upgrade.align import align
from mlops_scaffold.upgrade.model import Change, MergeInputs, Plan, Verdict
from mlops_scaffold.upgrade.snapshot import read_index, snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mlops_scaffold.git.objects import Entry, Scratch
    from mlops_scaffold.git.repo import Repo


def merge(
    repo: Repo,
    store: Scratch,
    base: Path,
    new: Path,
    *,
    labels: tuple[str, str] = ("template before", "template after"),
) -> Plan:
    """Merge the change from `base` to `new` into the project.

    Args:
        repo: The project; its tracked files are as committed.
        store: Takes the objects of the merge.
        base: Folder with the recorded version as rendered.
        new: Folder with the wanted version as rendered.
        labels: What conflict markers call the two.

    Raises:
        ScaffoldError: Something is in the way; all of it is named.
    """
    index = read_index(repo)
    known = frozenset(entry.oid for entry in index.entries.values())
    sides = MergeInputs(
        snapshot(repo, base, store, known), snapshot(repo, new, store, known), dict(index.entries)
    )
    record = repo.prefix + FILE_NAME
    _, tracked, recorded = (side.pop(record, None) for side in (sides.base, sides.ours, sides.new))

    aside = _set_aside(repo, store, sides, new)
    untracked = untracked_files.follow(repo, base, new, aside.untracked)
    committed, rendered = dict(sides.ours), dict(sides.base)
    align(repo, store, sides)
    result = trees.merge(repo, store, sides, labels)

    before = store.tree(committed)
    differences = trees.diff(repo, store, before, result.tree)
    changes = [*_changes(differences, result, sides, committed, rendered)]
    files = {path: entry for path, (_, entry) in differences.items()}
    stages = {path: {0: entry} if entry else {} for path, entry in files.items()}
    stages |= result.conflicts
    copies = dict(untracked.copies)
    if not result.conflicts and recorded and recorded != tracked:
        if tracked:
            files[record], stages[record] = recorded, {0: recorded}
        else:
            copies[record] = new / FILE_NAME
    plan = Plan(
        tuple(sorted(_within(repo, c) for c in (*changes, *aside.changes, *untracked.changes))),
        stages,
        files,
        copies,
        tuple(sorted(result.conflicts)),
        index.entries,
        record,
        (new / FILE_NAME).read_bytes() if recorded else b"",
        before,
        result.tree,
    )
    preflight.check(repo, index, plan, new, untracked.blocked)
    return plan


class _Aside(NamedTuple):
    changes: list[Change]  # files that the owner deleted
    untracked: list[str]  # files that git doesn't track


def _set_aside(repo: Repo, store: Scratch, sides: MergeInputs, new: Path) -> _Aside:
    """Take out of the merge what the owner deleted, stopped tracking or ignores.

    With a deletion on both sides git has nothing to bring back; the same for what the template
    renamed meanwhile.
    """
    base, ours, theirs = (store.tree(side) for side in (sides.base, sides.ours, sides.new))
    missing = sides.base.keys() - sides.ours.keys()
    if missing:
        sides.renamed |= trees.renames(repo, store, base, ours)
    if sides.base.keys() - sides.new.keys():
        sides.moved |= trees.renames(repo, store, base, theirs)
    changes: list[Change] = []
    untracked: list[str] = []
    for path in sorted(missing - sides.renamed.keys()):
        target = sides.moved.pop(path, path)
        del sides.base[path]
        if preflight.stands(repo, path):
            untracked.append(path)
            sides.new.pop(path, None)
        elif target in sides.new and target not in sides.ours:
            del sides.new[target]
            changes.append(Change(target, Verdict.KEPT_DELETED, path if target != path else ""))
    moved = {target for source, target in sides.moved.items() if source in sides.base}
    fresh = sides.new.keys() - sides.base.keys() - sides.ours.keys() - moved
    for path in sorted(fresh):
        blocker = _blocker(path, sides)
        if blocker:
            del sides.new[path]
            note = f"yours; so the template's {path.removeprefix(repo.prefix)} has no place"
            changes.append(Change(blocker, Verdict.KEPT, note=note))
    fresh = {
        path for path in fresh & sides.new.keys() if preflight.reachable(repo, path, sides.ours)
    }
    ignored = untracked_files.ignored(repo, new, fresh)
    for path in ignored:
        del sides.new[path]
    return _Aside(changes, [*untracked, *ignored])


def _blocker(path: str, sides: MergeInputs) -> str:
    """The owner's own link or submodule below which a path would lie; "" if there is none."""
    above = (parent.as_posix() for parent in PurePosixPath(path).parents)
    own = ((p, sides.ours[p]) for p in above if p in sides.ours and p not in sides.base)
    return next((p for p, entry in own if entry.mode in (LINK, SUBMODULE)), "")


def _changes(
    differences: trees.Diff,
    result: trees.Result,
    sides: MergeInputs,
    committed: Mapping[str, Entry],
    rendered: Mapping[str, Entry],
) -> Iterator[Change]:
    """The verdict for each path that differs or is in conflict."""
    sources = _sources(differences, sides, committed)
    origin = {mine: theirs for theirs, mine in sides.renamed.items()}
    for path in sorted(differences.keys() | result.conflicts.keys()):
        before, after = differences.get(path, (None, None))
        was = sources.get(path, "")
        mine = was or path
        note = "; ".join(sides.notes.get(mine, ()))
        if path in result.conflicts:
            why = result.why.get(path, "contents")
            yield Change(path, Verdict.CONFLICT, was, f"{why}; {note}".removesuffix("; "))
        elif after is None:
            if path not in sources.values():  # else it is told where the file went
                yield Change(path, Verdict.REMOVED)
        elif before is None and not was:
            yield Change(path, Verdict.ADDED, note=note)
        else:
            edited = committed.get(mine) != rendered.get(origin.get(mine, mine))
            yield Change(path, Verdict.MERGED if edited else Verdict.UPDATED, was, note)


def _sources(
    differences: trees.Diff, sides: MergeInputs, committed: Mapping[str, Entry]
) -> dict[str, str]:
    """New name -> old name, of files that move with this upgrade."""
    gone = [path for path, (_, after) in differences.items() if after is None]
    came = {path: after for path, (before, after) in differences.items() if after and not before}
    # What followed a folder that was renamed; no two empty files that happen to be alike.
    by_content = {(committed[path].oid, PurePosixPath(path).name): path for path in gone}
    by_template = {target: sides.renamed.get(path, path) for path, target in sides.moved.items()}
    found: dict[str, str] = {}
    for path, entry in came.items():
        source = by_template.get(path) or by_content.get((entry.oid, PurePosixPath(path).name))
        if source and source in gone and source not in found.values():
            found[path] = source
    return found


def _within(repo: Repo, change: Change) -> Change:
    """The change with paths of the project instead of the work tree."""
    return replace(
        change,
        path=change.path.removeprefix(repo.prefix),
        was=change.was.removeprefix(repo.prefix),
    )
