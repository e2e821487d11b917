"""Answers over an upgrade: carried, asked again, refused, shown; never replaced unseen."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from mlops_scaffold.__main__ import main
from tests.source.conftest import FILES, commit_all, git, write_files
from tests.terminal import at_terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Run = Callable[..., tuple[int, str, str]]

OWN = "templates/demo/questions.yml"
README = "templates/demo/project/README.md.jinja"
DATABASE = "demo_db: {{type: str, choices: [{}], default: {}}}\n"
OLD = DATABASE.format("postgres, mysql", "postgres")
NEW = DATABASE.format("postgres, sqlite", "postgres")
TEAM = "demo_team: {type: str, help: Which team}\n"


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Owner")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "owner@example.org")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*args: str) -> tuple[int, str, str]:
        code = main(list(args))
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


@pytest.fixture
def make(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """A project of one version of a catalog, of which there is a newer one."""

    def project(
        *answers: str, old: str = OLD, new: str = NEW, files: Mapping[str, str] | None = None
    ) -> Path:
        root = tmp_path / "catalog"
        write_files(root, {**FILES, OWN: old, README: "{{ demo_db }}\n"})
        commit_all(root, "v1.0.0")
        monkeypatch.chdir(tmp_path)
        given = [part for answer in answers for part in ("-d", answer)]
        assert run("new", "demo", "app", "-y", "--catalog", str(root), *given)[0] == 0
        write_files(root, {OWN: new, **(files or {})})
        commit_all(root, "v1.1.0")
        monkeypatch.chdir(tmp_path / "app")
        return tmp_path / "app"

    return project


def untouched(project: Path) -> bool:
    recorded = (project / ".copier-answers.yml").read_text()
    return "_commit: v1.0.0" in recorded and not git(project, "status", "--porcelain")


def test_an_answer_that_is_no_longer_allowed_is_refused_with_both_ways_out(
    make: Callable[..., Path], run: Run
) -> None:
    project = make("db=mysql")
    for options in ([], ["--json"]):
        code, out, err = run("upgrade", *options)
        assert (code, out) == (2, "") or (code == 2 and "1.0.0 -> 1.1.0" in out)
        assert "demo_db: 'mysql' is not one of postgres, sqlite" in err
        assert "-d demo_db=VALUE" in err
        assert "-y" in err
        assert untouched(project)


def test_a_preview_shows_what_the_answer_would_become(make: Callable[..., Path], run: Run) -> None:
    project = make("db=mysql")
    code, out, _ = run("upgrade", "--dry-run")
    assert code == 0
    assert "demo_db: mysql -> postgres" in out
    assert "'mysql' is not one of postgres, sqlite" in out
    assert "-y takes these" in out
    assert untouched(project)


def test_the_default_is_taken_with_y_and_shown(make: Callable[..., Path], run: Run) -> None:
    project = make("db=mysql")
    code, out, _ = run("upgrade", "-y", "--json")
    (done,) = json.loads(out)["projects"]
    assert code == 0
    assert done["answers"] == [
        {
            "key": "demo_db",
            "was": "mysql",
            "now": "postgres",
            "note": "'mysql' is not one of postgres, sqlite",
        }
    ]
    assert (project / "README.md").read_text() == "postgres\n"
    assert "demo_db: postgres" in (project / ".copier-answers.yml").read_text()


def test_another_answer_is_taken_from_the_command_line(make: Callable[..., Path], run: Run) -> None:
    project = make("db=mysql")
    code, out, _ = run("upgrade", "-d", "db=sqlite")
    assert code == 0
    assert "demo_db: mysql -> sqlite" in out
    assert (project / "README.md").read_text() == "sqlite\n"


def test_on_a_terminal_it_is_asked_with_the_reason(make: Callable[..., Path]) -> None:
    project = make("db=mysql")
    keys = [("'mysql' is not one of postgres, sqlite", ""), ("sqlite", "\x1b[B\r")]
    said, code = at_terminal(["upgrade"], keys[1:], project)
    assert code == 0, said
    assert "'mysql' is not one of postgres, sqlite" in said
    assert (project / "README.md").read_text() == "sqlite\n"


def test_on_a_terminal_what_still_fits_is_not_asked(make: Callable[..., Path]) -> None:
    project = make("db=postgres")
    said, code = at_terminal(["upgrade"], [], project)
    assert code == 0, said
    assert "demo_db (" not in said


def test_a_new_question_without_a_default_is_asked_or_refused(
    make: Callable[..., Path], run: Run
) -> None:
    project = make(new=OLD + TEAM)
    for options in ([], ["-y"], ["--dry-run"]):
        code, _, err = run("upgrade", *options)
        assert code == 2
        assert "demo_team has no default" in err
        assert "-d team=VALUE" in err
        assert untouched(project)
    said, code = at_terminal(["upgrade"], [("Which team", "blue\r")], project)
    assert code == 0, said
    assert "demo_team: blue" in (project / ".copier-answers.yml").read_text()
    assert "demo_team: (none) -> blue" in said


def test_a_question_that_is_gone_is_reported(make: Callable[..., Path], run: Run) -> None:
    make("db=mysql", new="demo_database: {type: str, default: postgres}\n", files={README: "x\n"})
    code, out, _ = run("upgrade", "--json")
    (done,) = json.loads(out)["projects"]
    assert code == 0
    assert done["answers"] == [
        {"key": "demo_database", "was": None, "now": "postgres", "note": "new question"},
        {"key": "demo_db", "was": "mysql", "now": None, "note": "no longer asked"},
    ]


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (["project_name=json"], "standard library"),
        (["project_name=Bad Name"], "can't name a project"),
        (["project_name=fastapi"], "it depends on fastapi"),
        (["template=demo"], "a project stays with its template"),
        (["template=other"], "a project stays with its template"),
        (["db=oracle"], "demo_db: 'oracle' is not one of postgres, sqlite"),
        (["nope=1"], "demo has no question 'nope'"),
    ],
)
def test_answers_of_an_upgrade_obey_the_rules_of_new(
    make: Callable[..., Path], run: Run, answers: list[str], said: str
) -> None:
    project = make(files={"templates/demo/project/constraints.txt": "fastapi==1.0\n"})
    code, _, err = run("upgrade", "-y", *[part for each in answers for part in ("-d", each)])
    assert code == 2
    assert said in err
    assert untouched(project)


def test_a_project_may_keep_a_name_that_became_a_dependency(
    make: Callable[..., Path], run: Run
) -> None:
    """A new dependency must not lock a project out of upgrades."""
    make("project_name=fastapi", files={"templates/demo/project/constraints.txt": "fastapi==1\n"})
    assert run("upgrade")[0] == 0


def test_the_templates_messages_are_printed(make: Callable[..., Path], run: Run) -> None:
    messages = '_message_after_update: "Restart {{ project_name }}"\n_message_after_copy: No\n'
    make(files={"copier.yml": messages + FILES["copier.yml"]})
    code, out, _ = run("upgrade", "--json")
    assert code == 0
    assert json.loads(out)["projects"][0]["messages"] == ["Restart app"]


def test_one_project_of_a_fleet_that_needs_an_answer_does_not_stop_the_others(
    make: Callable[..., Path], run: Run, tmp_path: Path
) -> None:
    make("db=mysql")
    os.chdir(tmp_path)
    root = tmp_path / "catalog"
    new = ("new", "demo", "other", "-y", "--version", "1.0.0", "--catalog", str(root))
    assert run(*new)[0] == 0
    code, out, _ = run("upgrade", "app", "other", "--json")
    app, other = json.loads(out)["projects"]
    assert code == 2
    assert (app["outcome"], other["outcome"]) == ("failed", "staged")
    assert "demo_db" in app["error"]["message"]
