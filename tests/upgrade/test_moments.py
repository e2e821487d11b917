"""An unfinished upgrade belongs to one commit, one index and one work tree."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from mlops_scaffold.errors import ConflictsLeftError, ScaffoldError
from mlops_scaffold.git.repo import open_repo
from mlops_scaffold.upgrade import journal
from mlops_scaffold.upgrade.finish import abort, resume
from mlops_scaffold.upgrade.result import Outcome
from tests.upgrade.support import World, git, index, make_world, read, write
from tests.upgrade.test_atomic import run_child
from tests.upgrade.test_atomic import world as larger_world

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlops_scaffold.upgrade.result import UpgradeResult

    End = Callable[[Path], UpgradeResult]

LINES = "".join(f"line {n}\n" for n in range(20))
THEIRS = LINES.replace("line 3\n", "line 3 of the template\n")
MINE = LINES.replace("line 3\n", "line 3 of mine\n")


def conflicting(root: Path, *, alone: bool = False) -> World:
    """An upgrade that waits for `app.py`; it changed `lib.py` and added `new.txt`, or nothing."""
    change = {"app.py": THEIRS}
    if not alone:
        change |= {"lib.py": THEIRS, "new.txt": "new\n"}
    case = make_world(root, {"app.py": LINES, "lib.py": LINES}, change)
    case.own({"app.py": MINE})
    assert case.upgrade().conflicts == ("app.py",)
    return case


def reset(case: World) -> None:
    git(case.repo, "reset", "-q", "--hard")


def forced_checkout(case: World) -> None:
    git(case.repo, "branch", "other")
    git(case.repo, "checkout", "-qf", "other")


def stash(case: World) -> None:
    git(case.repo, "add", "-A")
    git(case.repo, "stash", "-q")


def restore(case: World) -> None:
    git(case.repo, "restore", "--staged", "--worktree", ".")


def reset_and_commit(case: World) -> None:
    reset(case)
    case.own({"lib.py": LINES + "work\n"})


def commit_with_markers(case: World) -> None:
    case.commit()


def commit_resolved(case: World) -> None:
    case.own({"app.py": "resolved\n"})


def other_branch(case: World) -> None:
    reset(case)
    git(case.repo, "checkout", "-q", "-b", "other")
    case.own({"app.py": "of the other branch\n"})


def older_commit(case: World) -> None:
    git(case.repo, "reset", "-q", "--hard", "HEAD~1")


def reset_and_edit(case: World) -> None:
    reset(case)
    write(case.project, {"lib.py": LINES + "not committed\n", "app.py": "not committed\n"})


def reset_and_stage(case: World) -> None:
    reset_and_edit(case)
    git(case.repo, "add", "-A")


LEFT = [
    *(reset, forced_checkout, stash, restore, reset_and_commit, commit_with_markers),
    *(commit_resolved, other_branch, older_commit, reset_and_edit, reset_and_stage),
]
# With one conflict and nothing else, this looks like a conflict resolved by keeping one's own.
AMBIGUOUS = {restore}


@pytest.mark.parametrize(
    ("leave", "alone"),
    [(leave, False) for leave in LEFT]
    + [(leave, True) for leave in LEFT if leave not in AMBIGUOUS],
)
@pytest.mark.parametrize("end", [resume, abort])
def test_what_is_left_is_forgotten_and_nothing_is_touched(
    tmp_path: Path, leave: Callable[[World], None], alone: bool, end: End
) -> None:
    case = conflicting(tmp_path, alone=alone)
    leave(case)
    before, staged, head = read(case.repo), index(case.repo), git(case.repo, "rev-parse", "HEAD")
    with pytest.raises(ScaffoldError, match="no longer there") as gone:
        end(case.project)
    assert "mlops-scaffold upgrade" in gone.value.hint
    assert (read(case.repo), index(case.repo)) == (before, staged)
    assert git(case.repo, "rev-parse", "HEAD") == head
    assert not (case.repo / ".git/mlops-scaffold").exists()
    with pytest.raises(ScaffoldError, match="no upgrade"):
        end(case.project)


def resolved(case: World) -> None:
    write(case.project, {"app.py": "resolved\n"})
    git(case.repo, "add", "app.py")


def kept_mine(case: World) -> None:
    git(case.repo, "checkout", "-q", "--ours", "app.py")
    git(case.repo, "add", "app.py")


def on_a_new_branch(case: World) -> None:
    resolved(case)
    git(case.repo, "checkout", "-q", "-b", "upgrade")


def with_other_work(case: World) -> None:
    resolved(case)
    write(case.project, {"own.txt": "mine\n", "lib.py": THEIRS + "more\n"})
    git(case.repo, "add", "own.txt")


def not_staged(case: World) -> None:
    write(case.project, {"app.py": "resolved\n"})
    git(case.repo, "reset", "-q")


def stashed_and_back(case: World) -> None:
    resolved(case)
    git(case.repo, "stash", "-q")
    git(case.repo, "stash", "pop", "-q")


@pytest.mark.parametrize(
    "work", [resolved, kept_mine, on_a_new_branch, with_other_work, not_staged, stashed_and_back]
)
def test_what_is_still_there_is_finished(tmp_path: Path, work: Callable[[World], None]) -> None:
    case = conflicting(tmp_path)
    work(case)
    kept = (case.project / "app.py").read_text()
    assert resume(case.project).outcome is Outcome.STAGED
    assert "v1.1.0" in (case.project / ".copier-answers.yml").read_text()
    assert (case.project / "app.py").read_text() == kept
    assert "of the template" in (case.project / "lib.py").read_text()


@pytest.mark.parametrize("work", [resolved, kept_mine])
def test_one_conflict_and_nothing_else(tmp_path: Path, work: Callable[[World], None]) -> None:
    case = conflicting(tmp_path, alone=True)
    work(case)
    assert resume(case.project).outcome is Outcome.STAGED
    assert "v1.1.0" in (case.project / ".copier-answers.yml").read_text()


def test_a_finished_upgrade_is_undone_until_it_is_committed(tmp_path: Path) -> None:
    case = make_world(
        tmp_path,
        {"app.py": LINES, ".gitignore": ".env\n", ".env": "A=1\n"},
        {"app.py": THEIRS, "new/file.txt": "new\n", ".env": "A=2\n"},
        prefix="services/one/",
    )
    write(case.repo, {"other.txt": "not committed\n"})
    before, staged = read(case.repo), index(case.repo)
    case.upgrade()
    assert (case.project / ".env").read_text() == "A=2\n"
    write(case.repo, {"later.txt": "not committed\n"})
    assert abort(case.project).outcome is Outcome.ABORTED
    (case.repo / "later.txt").unlink()
    assert (read(case.repo), index(case.repo)) == (before, staged)
    case.upgrade()
    git(case.repo, "commit", "-qm", "Upgrade")
    after = read(case.repo)
    with pytest.raises(ScaffoldError, match="no upgrade"):
        abort(case.project)
    assert read(case.repo) == after


def test_an_upgrade_is_undone_after_its_conflicts_were_resolved(tmp_path: Path) -> None:
    case = conflicting(tmp_path)
    resolved(case)
    resume(case.project)
    rescued = abort(case.project).rescued
    assert git(case.repo, "cat-file", "blob", rescued["app.py"]) == b"resolved\n"
    assert git(case.repo, "status", "--porcelain") == b""
    assert "v1.0.0" in (case.project / ".copier-answers.yml").read_text()


def test_a_merge_begun_meanwhile_comes_first(tmp_path: Path) -> None:
    case = conflicting(tmp_path)
    git(case.repo, "reset", "-q", "--hard")
    git(case.repo, "checkout", "-qb", "other")
    case.own({"app.py": "theirs\n"})
    git(case.repo, "checkout", "-q", "-")
    git(case.repo, "merge", "-q", "--no-commit", "--no-ff", "other")
    before = read(case.repo)
    with pytest.raises(ScaffoldError):
        resume(case.project)
    assert read(case.repo) == before


def test_conflicts_of_another_origin_are_not_taken_for_ours(tmp_path: Path) -> None:
    case = conflicting(tmp_path, alone=True)
    git(case.repo, "reset", "-q", "--hard")
    write(case.project, {"app.py": "line 3 of a stash\n"})
    git(case.repo, "stash", "-q")
    write(case.project, {"app.py": "another line 3\n"})
    git(case.repo, "add", "app.py")
    git(case.repo, "stash", "pop", "-q", check=False)
    before, staged = read(case.repo), index(case.repo)
    for end in (resume, abort):
        with pytest.raises((ConflictsLeftError, ScaffoldError)):
            end(case.project)
        assert (read(case.repo), index(case.repo)) == (before, staged)


@pytest.mark.parametrize("end", [resume, abort])
def test_an_interrupted_upgrade_is_finished_after_git_status(tmp_path: Path, end: End) -> None:
    """`git status` refreshes the index; that must not be in the way."""
    case = larger_world(tmp_path, conflict=False)
    before, staged = read(case.repo), index(case.repo)
    interrupt(case)
    os.utime(case.project / "own.txt", (1, 1))
    git(case.repo, "status")
    end(case.project)
    if end is abort:
        assert (read(case.repo), index(case.repo)) == (before, staged)
    else:
        assert "v1.1.0" in (case.project / ".copier-answers.yml").read_text()
        assert git(case.repo, "diff", "--name-only") == b""


def test_work_after_an_interruption_is_not_overwritten(tmp_path: Path) -> None:
    case = larger_world(tmp_path, conflict=False)
    interrupt(case)
    (case.repo / ".git/index.lock").unlink()  # as git asks for
    git(case.repo, "reset", "-q", "--hard")
    write(case.project, {"a.py": "work of mine\n"})
    before = read(case.repo)
    with pytest.raises(ScaffoldError):
        resume(case.project)
    assert read(case.repo) == before
    try:
        rescued = abort(case.project).rescued
    except ScaffoldError:
        assert read(case.repo) == before
    else:
        assert git(case.repo, "cat-file", "blob", rescued["a.py"]) == b"work of mine\n"


def interrupt(case: World) -> None:
    """Kill an upgrade while it moves its files into place."""
    for limit in range(60, 400, 2):
        killed = run_child(case, limit)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        found = journal.load(open_repo(case.project))
        if found:
            return
        (case.repo / ".git/index.lock").unlink(missing_ok=True)
    raise AssertionError("it was never killed at the right moment")


def test_git_is_still_the_one_to_lock_the_index(tmp_path: Path) -> None:
    case = conflicting(tmp_path)
    resolved(case)
    (case.repo / ".git/index.lock").write_bytes(b"")
    before = read(case.repo)
    with pytest.raises(ScaffoldError, match="another git process"):
        abort(case.project)
    assert read(case.repo) == before
    subprocess.run(["rm", case.repo / ".git/index.lock"], check=True)
    assert abort(case.project).outcome is Outcome.ABORTED
