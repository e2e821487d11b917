"""Trees and git: what was renamed, what differs, what a merge of three trees gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from mlops_scaffold.git import blobs
from mlops_scaffold.git.objects import Entry
from mlops_scaffold.git.repo import split

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlops_scaffold.git.objects import Scratch
    from mlops_scaffold.git.repo import Repo
    from mlops_scaffold.upgrade.model import MergeInputs

YOURS = "yours"
_MARKERS = (b"<<<<<<<", b"|||||||", b">>>>>>>")

Diff: TypeAlias = dict[str, tuple[Entry | None, Entry | None]]


class Labels(NamedTuple):
    """What conflict markers call the two sides of the template."""

    base: str = "template before"
    new: str = "template after"


class MergeResult(NamedTuple):
    """A merge: the tree, the stages of the paths in conflict, and the reason for each."""

    tree: str
    conflicts: Mapping[str, Mapping[int, Entry]]
    reasons: Mapping[str, str]


def renames(repo: Repo, store: Scratch, old: str, new: str) -> dict[str, str]:
    """Old name -> new name of what was renamed between two trees."""
    command = ("diff-tree", "-r", "-z", "-M", "--no-rename-empty", "--diff-filter=R", old, new)
    fields = split(repo.run(*command, env=store.env)) if old != new else []
    return dict(zip(fields[1::3], fields[2::3], strict=True))


def diff(repo: Repo, store: Scratch, before: str, after: str) -> Diff:
    """Path -> entry before and after, of all paths that differ."""
    fields = split(repo.run("diff-tree", "-r", "-z", "--no-renames", before, after, env=store.env))
    found: Diff = {}
    for info, path in zip(fields[::2], fields[1::2], strict=True):
        old_mode, new_mode, old, new, _ = info.removeprefix(":").split(" ")
        found[path] = (
            Entry(old_mode, old) if old.strip("0") else None,
            Entry(new_mode, new) if new.strip("0") else None,
        )
    return found


def read_blobs(repo: Repo, store: Scratch, oids: Iterable[str]) -> dict[str, bytes]:
    """Contents by id."""
    wanted = list(dict.fromkeys(oids))
    contents = blobs.read(wanted, cwd=repo.top, env=store.env, isolated=False)
    return dict(zip(wanted, contents, strict=True))


def merge(repo: Repo, store: Scratch, inputs: MergeInputs, labels: Labels) -> MergeResult:
    """Let git merge three trees as it merges branches.

    Args:
        repo: Its attributes and merge drivers apply.
        store: Holds the objects and takes those of the result.
        inputs: What to merge.
        labels: For conflict markers.
    """
    root = store.commit(store.tree(inputs.base))
    ours, theirs = (store.commit(store.tree(side), root) for side in (inputs.ours, inputs.new))
    output = split(
        repo.run("merge-tree", "--write-tree", "-z", ours, theirs, env=store.env, expect=(0, 1))
    )
    result = _parse(output)
    if not result.conflicts:
        return result
    return _relabel(repo, store, result, {ours: YOURS, root: labels.base, theirs: labels.new})


def _parse(output: list[str]) -> MergeResult:
    """Read what `git merge-tree -z` prints: tree, stages, an empty field, messages."""
    rest = iter(output[1:])
    conflicts: dict[str, dict[int, Entry]] = {}
    for row in iter(lambda: next(rest, ""), ""):
        info, _, path = row.partition("\t")
        mode, oid, stage = info.split(" ")
        conflicts.setdefault(path, {})[int(stage)] = Entry(mode, oid)
    reasons: dict[str, str] = {}
    for count in rest:
        paths = [next(rest) for _ in range(int(count))]
        kind, _message = next(rest), next(rest)
        if kind.startswith("CONFLICT"):
            reasons |= dict.fromkeys(paths, kind.removeprefix("CONFLICT ").strip("()"))
    return MergeResult(output[0], conflicts, reasons)


def _relabel(
    repo: Repo, store: Scratch, result: MergeResult, names: Mapping[str, str]
) -> MergeResult:
    """Replace commit ids by labels, in conflict markers and in file names that git made up."""

    def readable(path: str) -> str:
        for commit, label in names.items():
            path = path.replace(f"~{commit}", f"~{label.replace(' ', '-')}")
        return path

    entries = _list(repo, store, result.tree)
    marked = [
        path for path, stages in result.conflicts.items() if path in entries and len(stages) > 1
    ]
    contents = read_blobs(repo, store, (entries[path].oid for path in marked))
    for path in marked:
        content = contents[entries[path].oid]
        for commit, label in names.items():
            for marker in _MARKERS:
                content = content.replace(
                    b"%s %s" % (marker, commit.encode()), b"%s %s" % (marker, label.encode())
                )
        entries[path] = Entry(entries[path].mode, store.blob(content))
    return MergeResult(
        store.tree({readable(path): entry for path, entry in entries.items()}),
        {readable(path): stages for path, stages in result.conflicts.items()},
        {readable(path): reason for path, reason in result.reasons.items()},
    )


def _list(repo: Repo, store: Scratch, tree: str) -> dict[str, Entry]:
    rows = (row.partition("\t") for row in split(repo.run("ls-tree", "-rz", tree, env=store.env)))
    found: dict[str, Entry] = {}
    for info, _, path in rows:
        mode, _kind, oid = info.split(" ")
        found[path] = Entry(mode, oid)
    return found
