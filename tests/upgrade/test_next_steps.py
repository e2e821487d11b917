"""What the program prints to type next does what it says where it is printed, and no more."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mlops_scaffold.__main__ import main
from tests.upgrade.support import git, index, make_catalog, make_project, read, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LINES = "".join(f"line {n}\n" for n in range(20))
THEIRS = LINES.replace("line 3\n", "line 3 of the template\n")
MINE = LINES.replace("line 3\n", "line 3 of mine\n")
PROGRAM = f'mlops-scaffold() {{ {shlex.quote(sys.executable)} -m mlops_scaffold "$@"; }}'


@pytest.fixture
def mono(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a project in `my apps/one`, and uncommitted work outside it.

    The person is in a folder beside the project, whose name has a space.
    """
    monkeypatch.setenv("COLUMNS", "40")  # commands are not broken where lines are
    for name in ("AUTHOR_NAME", "AUTHOR_EMAIL", "COMMITTER_NAME", "COMMITTER_EMAIL"):
        monkeypatch.setenv(f"GIT_{name}", "owner@example.org")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    catalog = make_catalog(
        tmp_path / "catalog",
        {"app.py": LINES, "lib/util.py": LINES, ".gitignore": ".env\n", ".env": "A=1\n"},
        {"app.py": THEIRS, "lib/util.py": THEIRS, "new/file.txt": "new\n", ".env": "A=2\n"},
    )
    top = tmp_path / "mono"
    write(top, {"outside.txt": "committed\n", "here/readme.txt": "here\n"})
    git(top, "init", "-q", "-b", "main")
    make_project(catalog, top / "my apps/one")
    git(top, "add", "-A")
    git(top, "commit", "-qm", "Start")
    write(top, {"outside.txt": "not committed\n", "staged.txt": "staged\n", "loose.txt": "loose\n"})
    git(top, "add", "staged.txt")
    monkeypatch.chdir(top / "here")
    return top


@pytest.fixture
def upgrade(capfd: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Upgrade the project by the path that is typed from `here`; returns all that is printed."""

    def call(*options: str, code: int = 0, verb: str = "upgrade") -> str:
        capfd.readouterr()
        assert main([verb, "../my apps/one", *options]) == code
        out, err = capfd.readouterr()
        return out + err.replace("\n  ", " ")  # as it would be on a wider screen

    return call


def command(said: str, after: str, until: str = r"$") -> str:
    """The command that is printed after a label."""
    found = re.search(rf"{re.escape(after)}\s+(.+?){until}", said, re.MULTILINE)
    assert found, said
    return found[1]


def typed(top: Path, text: str, **names: str) -> str:
    """Type a command where it was printed, with words in the place of its placeholders."""
    for placeholder, word in names.items():
        text = re.sub(rf"\b{placeholder}\b", word, text)
    done = subprocess.run(
        ["bash", "-ec", f"{PROGRAM}; {text}"],
        cwd=top / "here",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{text}\n{done.stderr}"
    return done.stdout


def outside(top: Path) -> tuple[object, ...]:
    """Files and index outside the project."""
    files = {path: value for path, value in read(top).items() if not path.startswith("my apps/")}
    rows = [row for row in index(top).split(b"\0") if b"\tmy apps/" not in row]
    return files, rows


def test_look_keep_and_undo(mono: Path, upgrade: Callable[..., str]) -> None:
    before, staged, around = read(mono), index(mono), outside(mono)
    said = upgrade("-y")
    shown = typed(mono, command(said, "Look at it:"))
    assert "+line 3 of the template" in shown
    assert "staged.txt" not in shown
    typed(mono, command(said, "Undo it:"))
    assert (read(mono), index(mono)) == (before, staged), "added and ignored files, too"
    said = upgrade("-y")
    typed(mono, command(said, "Keep it:"))
    assert git(mono, "log", "-1", "--format=%s") == b"Upgrade the template from 1.0.0 to 1.1.0\n"
    assert git(mono, "status", "--porcelain", "--", "my apps") == b""
    assert outside(mono) == around


def test_finish_or_undo_conflicts(mono: Path, upgrade: Callable[..., str]) -> None:
    write(mono / "my apps/one", {"app.py": MINE})
    git(mono, "commit", "-qm", "Mine", "--", "my apps")
    before, staged, around = read(mono), index(mono), outside(mono)
    said = upgrade("-y", code=3)
    status = upgrade(verb="status")
    typed(mono, command(status, "Next:", r" --abort$") + " --abort")
    assert (read(mono), index(mono)) == (before, staged)
    said = upgrade("-y", code=3)
    typed(mono, command(said, "Or undo it all:"))
    assert (read(mono), index(mono)) == (before, staged)
    said = upgrade("-y", code=3)
    again = upgrade("-y", code=1)
    assert command(again, "finish it:") == command(said, "Then finish:")
    left = upgrade("--continue", code=3)
    write(mono / "my apps/one", {"app.py": "resolved\n"})
    add = command(left, "then:")
    assert add == command(said, "Add it:")
    typed(mono, add, FILE="app.py")
    done = typed(mono, command(left, "in the end:"))
    assert "v1.1.0" in (mono / "my apps/one/.copier-answers.yml").read_text()
    assert outside(mono) == around
    typed(mono, command(done, "Undo it:"))
    assert (read(mono), index(mono)) == (before, staged)


@pytest.mark.parametrize("way", ["commit them first:", "or put them aside:"])
def test_changes_that_are_not_committed(mono: Path, upgrade: Callable[..., str], way: str) -> None:
    write(mono / "my apps/one", {"app.py": LINES + "mine\n", "lib/util.py": LINES + "mine\n"})
    git(mono, "add", "my apps/one/lib")
    around = outside(mono)
    said = upgrade("-y", code=1)
    typed(mono, command(said, way))
    assert outside(mono) == around
    assert "Staged" in upgrade("-y")


def test_a_project_that_was_never_added(mono: Path, upgrade: Callable[..., str]) -> None:
    git(mono, "rm", "-rq", "--cached", "my apps")
    git(mono, "commit", "-qm", "Not tracked")
    git(mono, "mv", "staged.txt", "renamed.txt")
    write(mono / "my apps/one", {"app.py": LINES + "mine\n"})
    around = outside(mono)
    said = upgrade("-y", code=1)
    assert "no file of ../my apps/one is tracked" in said
    assert "v1.0.0" in (mono / "my apps/one/.copier-answers.yml").read_text()
    typed(mono, command(said, "commit the project first:"))
    assert outside(mono) == around
    assert "merged   app.py" in upgrade("-y")


def test_a_project_that_is_ignored(mono: Path, upgrade: Callable[..., str]) -> None:
    git(mono, "rm", "-rq", "--cached", "my apps")
    write(mono, {".gitignore": "/my apps/\n"})
    git(mono, "add", ".gitignore")
    git(mono, "commit", "-qm", "Ignored")
    around = outside(mono)
    said = upgrade("-y", code=1)
    assert ".gitignore:1: /my apps/" in said
    typed(mono, command(said, "a repository of its own:"))
    assert outside(mono) == around
    assert "updated  app.py" in upgrade("-y")


def test_an_edited_file_that_was_never_added(mono: Path, upgrade: Callable[..., str]) -> None:
    git(mono, "rm", "-rq", "--cached", "my apps/one/lib/util.py")
    git(mono, "commit", "-qm", "Not tracked")
    git(mono, "mv", "staged.txt", "renamed.txt")
    write(mono / "my apps/one", {"lib/util.py": LINES + "mine\n"})
    around = outside(mono)
    said = upgrade("-y", code=1)
    assert "v1.0.0" in (mono / "my apps/one/.copier-answers.yml").read_text()
    typed(mono, command(said, "commit them first:"))
    assert outside(mono) == around
    assert "merged   lib/util.py" in upgrade("-y")


@pytest.mark.parametrize("flag", ["assume-unchanged", "skip-worktree", "both"])
def test_files_that_git_was_told_not_to_see(
    mono: Path, upgrade: Callable[..., str], flag: str
) -> None:
    for each in ("assume-unchanged", "skip-worktree"):
        if flag in (each, "both"):
            git(mono, "update-index", f"--{each}", "my apps/one/app.py")
    said = upgrade("-y", code=1)
    typed(mono, command(said, "show them to git first:"))
    assert "updated  app.py" in upgrade("-y")


def test_a_sparse_checkout(mono: Path, upgrade: Callable[..., str]) -> None:
    git(mono, "sparse-checkout", "set", "--no-cone", "/*", "!/my apps/one/lib/")
    said = upgrade("-y", code=1)
    typed(mono, command(said, "show them to git first:"))
    assert "updated  lib/util.py" in upgrade("-y")


@pytest.mark.parametrize("way", ["finish it first:", "or undo it:"])
def test_a_merge_in_progress(mono: Path, upgrade: Callable[..., str], way: str) -> None:
    git(mono, "reset", "-q", "--hard")
    git(mono, "checkout", "-qb", "other")
    write(mono, {"outside.txt": "other\n"})
    git(mono, "commit", "-qam", "Other")
    git(mono, "checkout", "-q", "main")
    git(mono, "merge", "-q", "--no-ff", "--no-commit", "other")
    said = upgrade("-y", code=1)
    text = command(said, way)
    typed(mono, f"GIT_EDITOR=true {text}")
    assert "Staged" in upgrade("-y")


def test_without_a_repository_and_without_a_commit(mono: Path, upgrade: Callable[..., str]) -> None:
    subprocess.run(["rm", "-rf", mono / ".git"], check=True)
    said = upgrade("-y", code=1)
    assert "not in a git repository" in said
    typed(mono, command(said, "make one:"))
    assert "updated  app.py" in upgrade("-y")
    subprocess.run(["rm", "-rf", mono / "my apps/one/.git"], check=True)
    git(mono, "init", "-q")
    said = upgrade("-y", code=1)
    assert "nothing is committed yet" in said
    typed(mono, command(said, "commit the project first:"))
    assert git(mono, "ls-files", "--", ":!my apps") == b"", "no more than the project"


def test_an_answers_file_that_is_broken(mono: Path, upgrade: Callable[..., str]) -> None:
    write(mono / "my apps/one", {".copier-answers.yml": "a: [\n"})
    said = upgrade("-y", code=1)
    typed(mono, command(said, "restore the file from git:"))
    assert "updated  app.py" in upgrade("-y")


def test_answers_from_inside_the_project(
    mono: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(mono / "my apps/one")
    capfd.readouterr()
    assert main(["upgrade", "-y"]) == 0
    assert "Undo it: mlops-scaffold upgrade --abort\n" in capfd.readouterr().out
    monkeypatch.chdir(mono / "my apps/one/lib")
    assert main(["upgrade", "--abort"]) == 0
    assert git(mono, "status", "--porcelain", "--", "my apps") == b""
