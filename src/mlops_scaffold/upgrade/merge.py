"""The merge: base render, new render and the owner's tree -> what git makes of them.

Three trees are built in a scratch store: B (the base render), N (the new render) and O (what the
owner committed), as commits of which N and O are children of B. Git merges O and N as it would
merge two branches: with rename detection, binaries, modes, attributes. What is left to us is what
git can't know: files the owner deleted, skips or stopped tracking, dependency lists, generated
files. Nothing of the project is touched.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from mlops_scaffold.answers import FILE_NAME
from mlops_scaffold.git.objects import FILE, LINK, SUBMODULE, Entry
from mlops_scaffold.upgrade import skip, trees, untracked
from mlops_scaffold.upgrade.align import align
from mlops_scaffold.upgrade.model import Change, MergeInputs, Record, Verdict
from mlops_scaffold.upgrade.preflight import is_present, is_reachable
from mlops_scaffold.upgrade.snapshot import snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from mlops_scaffold.git.index import Index
    from mlops_scaffold.git.objects import Scratch
    from mlops_scaffold.git.repo import Repo
    from mlops_scaffold.upgrade.model import Entries
    from mlops_scaffold.upgrade.untracked import UntrackedFiles


@dataclass(frozen=True)
class Sides:
    """The two renders that are merged into the project.

    Attributes:
        base: Folder with the recorded version as rendered.
        new: Folder with the wanted version as rendered.
        record_text: What the answers file will say.
        labels: What conflict markers call the two.
        skips: What to leave alone.
        answers_file: Its path within the project.
    """

    base: Path
    new: Path
    record_text: bytes
    labels: trees.Labels = field(default_factory=trees.Labels)
    skips: skip.Skips = field(default_factory=skip.Skips)
    answers_file: str = FILE_NAME


@dataclass(frozen=True)
class Merged:
    """What came of the merge."""

    inputs: MergeInputs  # as git merged them
    committed: Entries  # what the owner committed, the answers file aside
    rendered: Entries  # the base render of what was merged
    result: trees.MergeResult
    before: str  # the tree of `committed`
    differences: trees.Diff  # between it and the result
    changes: tuple[Change, ...]  # to what was left out of the merge
    untracked: UntrackedFiles
    record: Record
    recorded: Entry | None  # what the index has of the answers file
    new: Path  # the render that is merged


def merge(repo: Repo, store: Scratch, index: Index, sides: Sides) -> Merged:
    """Merge the change from one render to the other into the project.

    Args:
        repo: The project; its tracked files are as committed.
        store: Takes the objects of the merge.
        index: What git tracks of the project.
        sides: The two renders.
    """
    known = frozenset(entry.oid for entry in index.entries.values())
    inputs = MergeInputs(
        base=snapshot(repo, sides.base, store, known),
        new=snapshot(repo, sides.new, store, known),
        ours=index.entries,
    )
    path = repo.prefix + sides.answers_file
    record, recorded = _record(store, path, sides), inputs.ours.get(path)
    inputs = _without_record(repo, inputs, path)
    inputs = _with_renames(repo, store, inputs)
    missing = inputs.base.keys() - inputs.ours.keys() - inputs.renamed.keys()
    present = {path for path in missing if is_present(repo, path)}
    inputs, skipped = skip.leave_out(repo, inputs, sides.skips, present)
    present &= inputs.base.keys()
    inputs = _without_sources(inputs, present).without(new=present)
    inputs, deleted = _leave_out_deleted(inputs)
    inputs, blocked = _leave_out_blocked(repo, inputs)
    ignored = _ignored(repo, store, inputs, sides.new)
    inputs = inputs.without(new=ignored)
    loose = untracked.follow(repo, sides.base, sides.new, present | ignored)
    aligned = align(repo, store, inputs)
    result = trees.merge(repo, store, aligned, sides.labels)
    before = store.tree(inputs.ours)
    return Merged(
        inputs=aligned,
        committed=inputs.ours,
        rendered=inputs.base,
        result=result,
        before=before,
        differences=trees.diff(repo, store, before, result.tree),
        changes=(*skipped, *deleted, *blocked, *loose.changes),
        untracked=loose,
        record=record,
        recorded=recorded,
        new=sides.new,
    )


def _record(store: Scratch, path: str, sides: Sides) -> Record:
    """What the answers file will be, as a file and as an object."""
    file = store.root / "answers.yml"
    file.write_bytes(sides.record_text)
    return Record(path, sides.record_text, Entry(FILE, store.blob(sides.record_text)), file)


def _without_record(repo: Repo, inputs: MergeInputs, path: str) -> MergeInputs:
    """The inputs without the answers file, which is ours and is not merged."""
    rendered = {repo.prefix + FILE_NAME}  # always by this name, whatever the project calls it
    ours = {each: entry for each, entry in inputs.ours.items() if each != path}
    return replace(inputs.without(base=rendered, new=rendered), ours=ours)


def _with_renames(repo: Repo, store: Scratch, inputs: MergeInputs) -> MergeInputs:
    """Find what the owner and the template renamed since."""
    base, ours, new = (store.tree(side) for side in (inputs.base, inputs.ours, inputs.new))
    if inputs.base.keys() - inputs.ours.keys():
        inputs = replace(inputs, renamed=trees.renames(repo, store, base, ours))
    if inputs.base.keys() - inputs.new.keys():
        inputs = replace(inputs, moved=trees.renames(repo, store, base, new))
    return inputs


def _without_sources(inputs: MergeInputs, paths: set[str]) -> MergeInputs:
    """The inputs without some files of the base, and with no trace of where they moved."""
    moved = {path: target for path, target in inputs.moved.items() if path not in paths}
    return replace(inputs.without(base=paths), moved=moved)


def _leave_out_deleted(inputs: MergeInputs) -> tuple[MergeInputs, tuple[Change, ...]]:
    """Take out what the owner deleted, also if the template renamed it meanwhile.

    With a deletion on both sides git has nothing to bring back.
    """
    gone = inputs.base.keys() - inputs.ours.keys() - inputs.renamed.keys()
    targets = {path: inputs.moved.get(path, path) for path in gone}
    back = {p: t for p, t in targets.items() if t in inputs.new and t not in inputs.ours}
    changes = tuple(
        Change(target, Verdict.KEPT_DELETED, path if target != path else "")
        for path, target in back.items()
    )
    return _without_sources(inputs, gone).without(new=back.values()), changes


def _leave_out_blocked(repo: Repo, inputs: MergeInputs) -> tuple[MergeInputs, tuple[Change, ...]]:
    """Take out new files that would lie below a link or a submodule of the owner's."""
    blockers = {path: blocker for path in _fresh(inputs) if (blocker := _blocker(path, inputs))}
    changes = tuple(
        Change(
            blocker,
            Verdict.KEPT,
            note=f"yours; so the template's {repo.inside(path)} has no place",
        )
        for path, blocker in sorted(blockers.items())
    )
    return inputs.without(new=blockers), changes


def _blocker(path: str, inputs: MergeInputs) -> str:
    """The owner's own link or submodule below which a path would lie; "" if there is none."""
    above = (parent.as_posix() for parent in PurePosixPath(path).parents)
    own = ((p, inputs.ours[p]) for p in above if p in inputs.ours and p not in inputs.base)
    return next((p for p, entry in own if entry.mode in (LINK, SUBMODULE)), "")


def _ignored(repo: Repo, store: Scratch, inputs: MergeInputs, new: Path) -> set[str]:
    """New files of the template that the project ignores, so that git would not track them."""
    fresh = {p: inputs.new[p] for p in _fresh(inputs) if is_reachable(repo, p, inputs.ours)}
    return untracked.ignored(repo, store, new, fresh)


def _fresh(inputs: MergeInputs) -> set[str]:
    """Files that are new in the template, and that the owner has not."""
    moved = {target for source, target in inputs.moved.items() if source in inputs.base}
    return inputs.new.keys() - inputs.base.keys() - inputs.ours.keys() - moved
