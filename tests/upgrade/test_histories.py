"""The guarantees, on random histories of an owner's and the template's changes.

`MLOPS_SCAFFOLD_HISTORIES` sets how many (default 2000); a failure names its seed, and
`MLOPS_SCAFFOLD_SEED=n` runs that one alone.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from mlops_scaffold.errors import ScaffoldError
from mlops_scaffold.git.repo import open_repo
from mlops_scaffold.upgrade import journal
from mlops_scaffold.upgrade.model import Plan, Verdict
from mlops_scaffold.upgrade.undo import undo
from mlops_scaffold.upgrade.validity import why_gone
from tests.upgrade.histories import History, ignored, make
from tests.upgrade.support import git, index, read

if TYPE_CHECKING:
    from pathlib import Path

CHUNK = 50
COUNT = int(os.environ.get("MLOPS_SCAFFOLD_HISTORIES", "2000"))
ONLY = os.environ.get("MLOPS_SCAFFOLD_SEED")
SEEDS = [range(n, min(n + CHUNK, COUNT)) for n in range(0, COUNT, CHUNK)]
Tree = dict[str, tuple[str, bytes]]


@pytest.mark.parametrize("seeds", [[int(ONLY)]] if ONLY else SEEDS, ids=lambda s: f"{s[0]}-{s[-1]}")
def test_guarantees_hold_on_random_histories(seeds: range, tmp_path: Path) -> None:
    for seed in seeds:
        root = tmp_path / str(seed)
        history = make(root, seed)
        try:
            check(history)
        except Exception as error:
            raise AssertionError(f"seed {seed}: {history.log}: {error!r}") from error
        shutil.rmtree(root)


def check(history: History) -> None:
    world = history.world
    before, staged, around = read(world.repo), index(world.repo), git_folder(world.repo)
    try:
        preview = world.plan()
    except ScaffoldError as refusal:
        check_refusal(history, refusal, before)
        return
    assert (read(world.repo), index(world.repo)) == (before, staged), "the preview touched files"
    assert git_folder(world.repo) == around, "the preview touched the repository"

    plan = world.upgrade()
    after = read(world.repo)
    assert plan.changes == preview.changes, "preview differs from result"
    check_verdicts(history, plan, before, after)
    check_nothing_lost(history, plan, before, after)
    check_untouched_are_exact(history, plan, before, after)
    check_index(history, plan)
    if plan.conflicts:
        undone(world.project)
        assert read(world.repo) == before, "abort left something"
        assert index(world.repo) == staged, "abort left something in the index"
        assert not (world.repo / ".git" / "mlops-scaffold").exists()
    else:
        if not plan.empty and history.rng.random() < 0.5:
            undone(world.project)
            assert read(world.repo) == before, "undoing it left something"
            assert index(world.repo) == staged, "undoing it left something in the index"
            world.upgrade()
        git(world.repo, "commit", "-qm", "Upgrade")
        shutil.rmtree(world.base)
        shutil.copytree(world.new, world.base, symlinks=True)
        assert world.plan().empty, "not up to date after an upgrade"


def undone(project: Path) -> None:
    repo = open_repo(project)
    found = journal.load(repo)
    assert found is not None
    assert why_gone(repo, *found) == ""
    assert undo(repo, found[1]) == {}


def git_folder(repo: Path) -> Tree:
    return {path: value for path, value in read(repo / ".git").items() if path != "index"}


def tracked(repo: Path) -> set[str]:
    return set(os.fsdecode(git(repo, "ls-files", "-z")).split("\0")[:-1])


def within(history: History, path: str) -> str:
    prefix = history.world.project.relative_to(history.world.repo).as_posix()
    return path if prefix == "." else f"{prefix}/{path}"


def check_refusal(history: History, refusal: ScaffoldError, before: Tree) -> None:
    """Only for a file or folder that is really there and that git has no copy of."""
    with pytest.raises(ScaffoldError, match=r"in the way|git doesn't track"):
        history.world.upgrade()
    assert read(history.world.repo) == before
    named = [line.strip() for line in refusal.message.splitlines()[1:]]
    assert named
    for path in named:
        assert os.path.lexists(history.world.repo / path), path
        assert path not in tracked(history.world.repo) or (history.world.repo / path).is_symlink()


def check_verdicts(history: History, plan: Plan, before: Tree, after: Tree) -> None:
    new = {within(history, path): value for path, value in read(history.world.new).items()}
    told = {plan.record.path}
    for change in plan.changes:
        path = within(history, change.path)
        told |= {path, within(history, change.was)} if change.was else {path}
        was, now = before.get(path), after.get(path)
        if change.verdict is Verdict.UPDATED:
            assert now in new.values(), f"{path} is not the template's"  # maybe by another name
        elif change.verdict is Verdict.ADDED:
            assert now is not None
            assert was in (None, now)
        elif change.verdict in (Verdict.REMOVED, Verdict.KEPT_DELETED):
            assert now is None or now[0] == "folder", f"{path}: {change.verdict}, but there"
        elif change.verdict is Verdict.KEPT:
            assert now == was
            assert now is not None
        elif change.verdict is Verdict.CONFLICT:
            assert path in plan.conflicts
    differing = {p for p in before.keys() | after.keys() if before.get(p) != after.get(p)}
    files = {
        p for p in differing if "folder" not in (before.get(p, ("",))[0], after.get(p, ("",))[0])
    }
    assert files <= told, f"changed without a word: {files - told}"


def check_nothing_lost(history: History, plan: Plan, before: Tree, after: Tree) -> None:
    repo = history.world.repo
    stages = b"\n".join(
        git(repo, "cat-file", "blob", entry.oid)
        for entries in plan.stages.values()
        for stage, entry in entries.items()
        if stage and entry.mode != "160000"
    )
    everything = b"\n".join(value for _, value in after.values()) + stages
    there = b"\n".join(value for _, value in before.values())
    for token in history.tokens:
        assert token not in there or token in everything, f"lost {token!r}"
    base = {within(history, path): value for path, value in read(history.world.base).items()}
    committed = tracked_at_head(repo)
    for path, (kind, data) in before.items():
        if path in committed or kind == "folder" or base.get(path, ("", b""))[1] == data:
            continue
        assert after.get(path) == (kind, data), f"untracked {path} was touched"


def files(root: Path) -> Tree:
    return {path: value for path, value in read(root).items() if value[0] != "folder"}


def tracked_at_head(repo: Path) -> set[str]:
    listing = git(repo, "ls-tree", "-r", "-z", "--name-only", "HEAD")
    return set(os.fsdecode(listing).split("\0")[:-1])


def check_untouched_are_exact(history: History, plan: Plan, before: Tree, after: Tree) -> None:
    world = history.world
    base, new = files(world.base), files(world.new)
    committed = tracked_at_head(world.repo)
    renamed = {within(history, change.was) for change in plan.changes}
    for inside, value in base.items():
        path = within(history, inside)
        if path == plan.record.path or path in plan.conflicts:
            continue
        if before.get(path) == value and path in committed:
            expected = new.get(inside)
            got = after.get(path)
            assert got == expected or (path in renamed and got is None), f"{path} is not exact"
        turned = new.get(inside, value)[0] != value[0]  # to or from a link: another file to git
        if path not in before and path not in renamed and not ignored(inside) and not turned:
            assert path not in after or after[path][0] == "folder", f"{path} came back"
    if not history.edited and not plan.conflicts:
        kept = {c.path for c in plan.changes if c.verdict in (Verdict.KEPT, Verdict.KEPT_DELETED)}
        for inside, value in new.items():
            if inside not in kept:
                assert after.get(within(history, inside)) == value, (
                    f"{inside} is not the template's"
                )


def check_index(history: History, plan: Plan) -> None:
    repo = history.world.repo
    unmerged = git(repo, "ls-files", "-u", "-z").split(b"\0")[:-1]
    assert {os.fsdecode(row.split(b"\t", 1)[1]) for row in unmerged} == set(plan.conflicts)
    record = (repo / plan.record.path).read_bytes()
    assert (b"v1.1.0" in record) == (not plan.conflicts), "the version moved too early, or not"
    if plan.conflicts:
        return
    git(repo, "write-tree")  # fails if an object is missing
    status = git(repo, "status", "--porcelain", "-z", "--no-renames", "-uno").decode()
    unstaged = [row for row in status.split("\0") if row[1:2] not in (" ", "")]
    assert [row for row in unstaged if "elsewhere" not in row] == []
