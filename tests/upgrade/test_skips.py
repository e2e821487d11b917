"""Files that upgrades leave alone: as the template asks, or as the owner does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from mlops_scaffold.__main__ import main
from tests.upgrade.support import git, make_catalog, make_project, write

if TYPE_CHECKING:
    from pathlib import Path

LINES = "".join(f"line {n}\n" for n in range(20))
THEIRS = LINES.replace("line 3\n", "line 3 of the template\n")
OLD = {"app.py": LINES, "models/shop.py": LINES, "data.seed": "1\n", "docs/index.md": LINES}
NEW = {
    "app.py": THEIRS,
    "models/shop.py": THEIRS,
    "data.seed": "2\n",
    "docs/index.md": THEIRS,
    "new.seed": "new\n",
    "docs/new.md": "new\n",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    catalog = make_catalog(tmp_path / "catalog", OLD, NEW, {"app.py": THEIRS + "more\n"})
    return make_project(catalog, tmp_path / "shop")


def commit(project: Path) -> None:
    git(project, "add", "-A")
    git(project, "commit", "-qm", "Work", "--allow-empty")


def upgraded(
    capfd: pytest.CaptureFixture[str], project: Path, *options: str, code: int = 0
) -> dict[str, Any]:
    """Upgrade; returns path -> verdict."""
    capfd.readouterr()
    assert main(["upgrade", str(project), "--json", *options]) == code
    found = json.loads(capfd.readouterr().out)["projects"][0]
    return {change["path"]: change["verdict"] for change in found["changes"]}


def test_files_of_skip_if_exists_are_left_alone_where_they_exist(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write(project, {"models/shop.py": LINES.replace("line 3\n", "line 3 of mine\n")})
    commit(project)
    verdicts = upgraded(capfd, project, "--to", "1.1.0")
    assert verdicts == {
        "app.py": "updated",
        "data.seed": "skipped",
        "docs/index.md": "updated",
        "docs/new.md": "added",
        "models/shop.py": "skipped",
        "new.seed": "added",
    }
    assert "line 3 of mine" in (project / "models/shop.py").read_text()
    assert (project / "data.seed").read_text() == "1\n", "edited or not"
    assert (project / "new.seed").read_text() == "new\n", "there was none"


@pytest.mark.parametrize("where", ["renamed", "untracked", "deleted", "own"])
def test_skip_if_exists_wherever_the_file_is(
    project: Path, capfd: pytest.CaptureFixture[str], where: str
) -> None:
    file = project / "models/shop.py"
    if where == "renamed":
        file.rename(project / "moved.py")
    elif where == "untracked":
        write(project, {".gitignore": "models/\n"})
        git(project, "rm", "-qr", "--cached", "models")
    elif where == "deleted":
        file.unlink()
    else:
        write(project, {"new.seed": "mine\n"})
    commit(project)
    verdicts = upgraded(capfd, project, "--to", "1.1.0")
    if where == "renamed":
        assert verdicts["moved.py"] == "skipped"
        assert (project / "moved.py").read_text() == LINES
        assert not file.exists()
    elif where == "untracked":
        assert verdicts["models/shop.py"] == "skipped"
        assert file.read_text() == LINES
    elif where == "deleted":
        assert not file.exists()
    else:
        assert verdicts["new.seed"] == "skipped"
        assert (project / "new.seed").read_text() == "mine\n"


def test_a_file_that_the_template_no_longer_has_stays_if_it_was_skipped(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    catalog = make_catalog(tmp_path / "catalog", OLD, {"data.seed": None, "docs/index.md": None})
    project = make_project(catalog, tmp_path / "shop")
    verdicts = upgraded(capfd, project)
    assert verdicts == {"data.seed": "skipped", "docs/index.md": "removed"}
    assert (project / "data.seed").read_text() == "1\n"


def test_a_lasting_skip(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(project, {"docs/index.md": LINES.replace("line 3\n", "line 3 of mine\n")})
    commit(project)
    verdicts = upgraded(capfd, project, "--to", "1.1.0", "--skip", "docs/", "--commit")
    assert verdicts["docs/index.md"] == verdicts["docs/new.md"] == "skipped"
    assert not (project / "docs/new.md").exists()
    assert "line 3 of mine" in (project / "docs/index.md").read_text()
    assert "_skip:\n- docs/\n" in (project / ".copier-answers.yml").read_text()
    capfd.readouterr()
    assert main(["status", str(project), "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["projects"][0]["skip"] == ["docs/"]
    assert main(["status", str(project)]) == 0
    assert "skip" in capfd.readouterr().out
    assert upgraded(capfd, project, "--commit") == {"app.py": "updated"}
    assert "_skip:\n- docs/\n" in (project / ".copier-answers.yml").read_text(), "it lasts"
    assert upgraded(capfd, project, "--to", "1.0.0") == {
        "app.py": "updated",
        "docs/index.md": "skipped",
        "docs/new.md": "skipped",
        "data.seed": "skipped",
        "models/shop.py": "skipped",
        "new.seed": "skipped",
    }


def test_a_skip_alone_is_recorded_and_taken_back(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert upgraded(capfd, project, "--to", "1.0.0", "--skip", "app.py", "--commit") == {}
    assert git(project, "diff", "--name-only", "HEAD~1").decode().split() == [".copier-answers.yml"]
    assert upgraded(capfd, project, "--to", "1.1.0", "--dry-run")["app.py"] == "skipped"
    verdicts = upgraded(capfd, project, "--to", "1.1.0", "--unskip", "app.py", "--commit")
    assert verdicts["app.py"] == "updated"
    assert "\n_skip:" not in (project / ".copier-answers.yml").read_text()


@pytest.mark.parametrize("skip", ["docs", "{a: b}", "[1, 2]"])
def test_a_broken_list_of_skips(
    project: Path, capfd: pytest.CaptureFixture[str], skip: str
) -> None:
    with (project / ".copier-answers.yml").open("a") as file:
        file.write(f"_skip: {skip}\n")
    commit(project)
    capfd.readouterr()
    assert main(["upgrade", str(project)]) == 1
    assert "`_skip` must be a list of paths" in capfd.readouterr().err
