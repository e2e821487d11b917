"""`status`, `diff`, `upgrade` as typed, on projects rendered from a catalog with two releases."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from packaging.version import Version

from mlops_scaffold.__main__ import main
from mlops_scaffold.git.repo import open_repo
from mlops_scaffold.source import changelog
from mlops_scaffold.upgrade import journal
from tests.terminal import at_terminal
from tests.upgrade.conftest import LINES, commit
from tests.upgrade.support import git, index, read, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Make = Callable[..., Path]

MINE = LINES.replace("line 3\n", "line 3 of mine\n")


def call(*args: object) -> int:
    return main([str(arg) for arg in args])


def called(capfd: pytest.CaptureFixture[str], *args: object, code: int = 0) -> dict[str, Any]:
    """What a call with --json printed on stdout alone."""
    capfd.readouterr()
    assert call(*args, "--json") == code
    found: dict[str, Any] = json.loads(capfd.readouterr().out)
    assert found["schema"] == 1
    return found


def recorded(project: Path) -> str:
    return (project / ".copier-answers.yml").read_text()


def test_status_tells_what_changed(make_project: Make, capfd: pytest.CaptureFixture[str]) -> None:
    project = make_project()
    write(project, {"app.py": "mine\n", "size.txt": None, "own.py": "mine\n", ".env": "hidden\n"})
    found = called(capfd, "status", project)["projects"][0]
    assert (found["version"], found["newest"]) == ("0.1.0", "0.2.0")
    assert found["update_available"] is True
    assert (found["edited"], found["deleted"], found["added"]) == (
        ["app.py"], ["size.txt"], ["own.py"],
    )  # fmt: skip
    assert found["answers"]["demo_size"] == "small"
    assert call("status", project) == 0
    assert call("status", project, "--check") == 4
    out = capfd.readouterr().out
    assert "0.1.0, newest 0.2.0" in out
    assert "edited" in out


def test_diff_shows_the_owners_changes(
    make_project: Make, capfd: pytest.CaptureFixture[str]
) -> None:
    project = make_project()
    assert call("diff", project, "--exit-code") == 0
    write(project, {"app.py": MINE})
    assert call("diff", project) == 0
    out = capfd.readouterr().out
    assert "+line 3 of mine" in out
    assert "-line 3\n" in out
    assert "_commit" not in out
    assert call("diff", project, "--exit-code") == 1


def test_upgrade_from_release_to_release(
    make_project: Make, capfd: pytest.CaptureFixture[str]
) -> None:
    project = make_project()
    write(project, {"app.py": LINES + "mine\n"})
    commit(project)
    before, staged = read(project), index(project)
    preview = called(capfd, "upgrade", project, "--dry-run", "--diff")["projects"][0]
    assert (read(project), index(project)) == (before, staged)
    assert "+line 3 of the template" in preview["diff"]
    verdicts = {change["path"]: change["verdict"] for change in preview["changes"]}
    assert verdicts == {"app.py": "merged", "added.txt": "added", "pyproject.toml": "updated"}

    assert call("upgrade", project) == 0
    out = capfd.readouterr().out
    assert out.index("Line 3 is better") < out.index("merged"), "the changelog comes first"
    assert "The start" not in out
    merged = LINES.replace("line 3\n", "line 3 of the template\n") + "mine\n"
    assert (project / "app.py").read_text() == merged
    assert "_commit: v0.2.0" in recorded(project)
    assert "demo_extra: false" in recorded(project)
    assert git(project, "diff", "--name-only") == b"", "all of it is staged"
    after = read(project)
    assert called(capfd, "upgrade", project)["projects"][0]["outcome"] == "up to date"
    commit(project)
    assert called(capfd, "upgrade", project)["projects"][0]["outcome"] == "up to date"
    assert read(project) == after
    assert call("status", project, "--check") == 0


def test_what_a_killed_upgrade_left_is_swept_up(make_project: Make) -> None:
    project = make_project()
    assert call("upgrade", project) == 0
    left = journal.folder(open_repo(project)).with_suffix(".old")
    left.mkdir(parents=True)
    (left / "state.json").write_text("{")
    assert call("upgrade", project) == 0
    assert not left.exists()


def test_conflicts_are_resolved_and_continued(
    make_project: Make, capfd: pytest.CaptureFixture[str]
) -> None:
    project = make_project()
    write(project, {"app.py": MINE})
    commit(project)
    assert call("upgrade", project) == 3
    assert "conflict" in capfd.readouterr().out
    assert ">>>>>>> template v0.2.0" in (project / "app.py").read_text()
    assert "_commit: v0.1.0" in recorded(project)
    assert called(capfd, "status", project)["projects"][0]["unfinished"].startswith(
        "0.1.0 -> 0.2.0"
    )
    assert call("upgrade", project) == 1
    assert "--continue" in capfd.readouterr().err
    assert call("upgrade", project, "--continue") == 3
    git(project, "add", "app.py")
    assert call("upgrade", project, "--continue") == 3, "staged, but the markers are still there"
    write(project, {"app.py": "resolved\n"})
    git(project, "add", "app.py")
    assert call("upgrade", project, "--continue") == 0
    assert "_commit: v0.2.0" in recorded(project)
    assert git(project, "diff", "--name-only") == b""
    assert called(capfd, "upgrade", project)["projects"][0]["outcome"] == "up to date"
    assert call("upgrade", project, "--continue") == 1


def test_conflicts_are_aborted(make_project: Make) -> None:
    project = make_project()
    write(project, {"app.py": MINE})
    commit(project)
    before, staged = read(project), index(project)
    assert call("upgrade", project, "--branch", "update") == 3
    assert git(project, "symbolic-ref", "HEAD") == b"refs/heads/update\n"
    assert call("upgrade", project, "--abort") == 0
    assert (read(project), index(project)) == (before, staged)
    assert git(project, "symbolic-ref", "HEAD") == b"refs/heads/main\n"
    assert git(project, "branch", "--list", "update") == b""
    assert call("upgrade", project, "--abort") == 1


def test_changes_taken_back_are_not_continued(make_project: Make) -> None:
    project = make_project()
    write(project, {"app.py": MINE})
    commit(project)
    assert call("upgrade", project) == 3
    git(project, "reset", "-q", "--hard")
    assert call("upgrade", project, "--continue") == 1
    assert "_commit: v0.1.0" in recorded(project)


@pytest.mark.parametrize("branch", ["", "update/template"])
def test_commit(make_project: Make, branch: str) -> None:
    project = make_project()
    options = ["--branch", branch] if branch else ["--commit"]
    assert call("upgrade", project, *options) == 0
    assert git(project, "status", "--porcelain") == b""
    subject = git(project, "log", "-1", "--format=%s %D").decode()
    assert "Upgrade the template from 0.1.0 to 0.2.0" in subject
    assert (branch or "main") in subject
    assert git(project, "rev-list", "--count", "main").decode().strip() == ("1" if branch else "2")


def test_answers_change_with_and_without_a_version(
    make_project: Make, capfd: pytest.CaptureFixture[str]
) -> None:
    project = make_project()
    assert call("upgrade", project, "--to", "0.1.0", "-d", "size=large") == 0
    assert (project / "size.txt").read_text() == "large\n"
    assert "_commit: v0.1.0" in recorded(project)
    commit(project)
    assert call("upgrade", project, "-d", "demo_extra=true") == 0
    assert "demo_extra: true" in recorded(project)
    assert "demo_size: large" in recorded(project)
    commit(project)
    assert called(capfd, "upgrade", project, "-d", "size=large")["projects"][0]["changes"] == []
    write(project, {"size.txt": "large, and mine\n"})
    commit(project)
    assert call("upgrade", project, "-d", "size=small") == 3
    assert ">>>>>>> template v0.2.0, other answers\n" in (project / "size.txt").read_text()
    assert call("upgrade", project, "--abort") == 0
    assert call("upgrade", project, "-d", "size=huge") == 2
    assert call("upgrade", project, "-d", "colour=red") == 2


def test_dependencies_merge_by_key(make_project: Make) -> None:
    project = make_project()
    mine = (project / "pyproject.toml").read_text()
    mine = mine.replace('"numpy>=1.26",  # arrays', '"numpy>=1.26,<2",  # arrays, not 2')
    mine = mine.replace('  "pydantic>=2",\n', '  "rich>=13",  # mine\n')
    write(project, {"pyproject.toml": mine})
    commit(project)
    assert call("upgrade", project) == 0
    lines = (project / "pyproject.toml").read_text().splitlines()[2:]
    assert lines == [
        "dependencies = [",
        '  "fastapi>=0.110",',
        '  "numpy>=1.26,<2",  # arrays, not 2',
        '  "rich>=13",  # mine',
        '  "httpx>=0.27",',
        "]",
    ]


def test_fleet_goes_on_when_one_fails(
    make_project: Make,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    good, odd, last = make_project("good"), make_project("odd"), make_project("last")
    write(odd, {"app.py": MINE})
    commit(odd)
    found = called(capfd, "upgrade", good, tmp_path / "nothing", odd, last, code=1)
    outcomes = [one["outcome"] for one in found["projects"]]
    assert outcomes == ["staged", "failed", "conflicts", "staged"]
    assert found["exit_code"] == 1
    assert call("upgrade", odd, "--abort") == 0
    assert call("upgrade", good, odd) == 3
    rows = _table(capfd.readouterr().out)
    assert rows[0] == f"{good} up to date 0.2.0"
    assert rows[1] == f"{odd} conflicts 0.1.0 -> 0.2.0 1 added, 1 conflict, 1 updated"
    assert call("status", good, odd, tmp_path / "nothing") == 1
    out, err = capfd.readouterr()
    assert _table(out) == [
        f"{good} newest 0.2.0 0.2.0",
        f"{odd} unfinished 0.1.0 0.2.0 2 edited, 1 added",
        f"{tmp_path / 'nothing'} failed there is no folder {tmp_path / 'nothing'}",
    ]
    assert "there is no folder" in err


def _table(out: str) -> list[str]:
    """The rows of the table at the end, a space between cells."""
    return [" ".join(row.split()) for row in out.rpartition("Project ")[2].splitlines()[1:]]


def test_at_a_terminal_the_changelog_comes_first_and_new_questions_are_asked(
    make_project: Make, catalog: Path
) -> None:
    project = make_project(size="large")
    ours = (
        "from pathlib import Path; from packaging.version import Version;"
        " from mlops_scaffold.source import builtin, opening;"
        f" there = builtin.BuiltinSource(Path({str(catalog)!r}), Version('0.2.0'));"
        " opening.builtin = lambda: there"
    )
    said, code = at_terminal(["upgrade", "--diff"], [("Extra?", "y")], project, first=ours)
    assert code == 0, said
    assert 0 < said.index("Line 3 is better") < said.index("Extra?")
    assert "Size?" not in said, "what is answered already is not asked again"
    assert "\x1b[32m+" in said, "the difference is in colour"
    assert "demo_extra: true" in recorded(project)
    assert "demo_size: large" in recorded(project)
    assert call("upgrade", project, "--abort") == 0
    assert git(project, "status", "--porcelain") == b""
    said, code = at_terminal(["upgrade", "-y"], [], project, first=ours)
    assert code == 0, said
    assert "Extra?" not in said
    assert "Merging" in said
    assert "demo_extra: false" in recorded(project)


def test_projects_of_one_repository(make_project: Make, tmp_path: Path) -> None:
    inside = tmp_path / "repository"
    names = ("first", "second", "third")
    for name in names:
        shutil.move(make_project(name), inside / name)
        shutil.rmtree(inside / name / ".git")
    write(inside / "second", {"app.py": MINE})
    write(inside, {"other/notes.txt": "a\n"})
    git(inside, "init", "-q", "-b", "main")
    commit(inside)
    write(inside, {"other/notes.txt": "not committed\n"})
    assert call("upgrade", *(inside / name for name in names)) == 3
    assert ["v0.2.0" in recorded(inside / name) for name in names] == [True, False, True]
    assert call("upgrade", inside / "first", "--continue") == 1, "it is another one's that waits"
    assert call("upgrade", inside / "second", "--abort") == 0
    assert "v0.2.0" in recorded(inside / "first"), "what is done stays done"
    changed = git(inside, "status", "--porcelain").decode().splitlines()
    assert {line[3:].partition("/")[0] for line in changed} == {"first", "third", "other"}
    assert (inside / "other/notes.txt").read_text() == "not committed\n"


def _no_git(project: Path) -> None:
    shutil.rmtree(project / ".git")


def _no_commit(project: Path) -> None:
    _no_git(project)
    git(project, "init", "-q")


def _dirty(project: Path) -> None:
    write(project, {"app.py": "not committed\n"})


def _staged(project: Path) -> None:
    _dirty(project)
    git(project, "add", "-A")


def _no_answers(project: Path) -> None:
    (project / ".copier-answers.yml").unlink()
    commit(project)


def _markers(project: Path) -> None:
    text = recorded(project)
    write(project, {".copier-answers.yml": f"<<<<<<< HEAD\n{text}=======\n{text}>>>>>>> x\n"})
    commit(project)


def _version(text: str) -> Callable[[Path], None]:
    def break_it(project: Path) -> None:
        changed = recorded(project).replace("v0.1.0", text)
        write(project, {".copier-answers.yml": changed})
        commit(project)

    return break_it


def _merging(project: Path) -> None:
    git(project, "checkout", "-qb", "other")
    write(project, {"app.py": MINE})
    commit(project)
    git(project, "checkout", "-q", "main")
    write(project, {"app.py": LINES.replace("line 3", "another 3")})
    commit(project)
    git(project, "merge", "-q", "other", check=False)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_no_git, "not in a git repository"),
        (_no_commit, "nothing is committed yet"),
        (_dirty, "app.py"),
        (_staged, "app.py"),
        (_no_answers, ".copier-answers.yml"),
        (_markers, "conflict markers"),
        (_version("v9.9.9"), "unknown version 9.9.9"),
        (_version("--upload-pack=touch x"), "not a version"),
        (_version("v0.1.0.dev0+0123456789ab"), "unknown version"),
        (_merging, "a merge is in progress"),
    ],
)
def test_refusals(
    make_project: Make,
    capfd: pytest.CaptureFixture[str],
    spoil: Callable[[Path], None],
    said: str,
) -> None:
    project = make_project()
    spoil(project)
    before = read(project)
    assert call("upgrade", project) == 1
    err = capfd.readouterr().err
    assert said in err
    assert "hint:" in err
    assert "Traceback" not in err
    assert read(project) == before


def test_going_back_to_an_older_version(
    make_project: Make, capfd: pytest.CaptureFixture[str]
) -> None:
    project = make_project()
    before = read(project)
    assert call("upgrade", project, "--commit") == 0
    write(project, {"app.py": (project / "app.py").read_text() + "mine\n"})
    commit(project)
    capfd.readouterr()
    assert call("upgrade", project, "--to", "0.1.0", "--commit") == 0
    out = capfd.readouterr().out
    assert "0.2.0 -> 0.1.0, back to an older version" in out
    assert out.index("This takes back:") < out.index("Line 3 is better")
    assert read(project) == {**before, "app.py": ("file", (LINES + "mine\n").encode())}
    subject = git(project, "log", "-1", "--format=%s").decode().strip()
    assert subject == "Take the template back from 0.2.0 to 0.1.0"
    found = called(capfd, "status", project)["projects"][0]
    assert (found["version"], found["update_available"]) == ("0.1.0", True)


def test_calls_that_make_no_sense(make_project: Make) -> None:
    project = make_project()
    before = read(project)
    assert call("upgrade", project, "--to", "7") == 1
    assert call("upgrade", project, "--abort", "--continue") == 2
    assert call("upgrade", project, "--continue", "--to", "0.2.0") == 2
    assert read(project) == before


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        ("0.1.0", "0.2.0", ["0.2.0"]),
        ("0.1.0", "0.3.0.dev0", ["Unreleased", "0.2.0"]),
        ("0.2.0", "0.2.0", []),
        ("0.3.0.dev0+a", "0.3.0.dev0+a", []),
        ("0.3.0.dev0+a", "0.3.0.dev0+b", ["Unreleased"]),
    ],
)
def test_the_changelog_between_two_versions(old: str, new: str, names: list[str]) -> None:
    text = (
        "# Changelog\n\n## Unreleased\n\n- c\n\n## [0.2.0] - 2026-01-02\n\n- b\n\n## 0.1.0\n\n- a\n"
    )
    said = changelog.between(text, Version(old), Version(new))
    found = [line.split()[1].strip("[]") for line in said.splitlines() if line.startswith("## ")]
    assert found == names
