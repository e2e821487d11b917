"""What users do, from start to finish, through the real program in a home of its own.

Each test is a story: the commands that a person types, and what they must see and find.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = f"{shlex.quote(sys.executable)} -m mlops_scaffold"
COPIER_YML = """\
_subdirectory: "templates/{{ template }}/project"
_templates_suffix: .jinja
_answers_file: .copier-answers.yml
template: {type: str, help: which}
project_name: {type: str, help: its name, default: "{{ template }}"}
---
!include templates/*/questions.yml
"""
QUESTIONS = """\
service_database:
  type: str
  help: Which database?
  choices: [postgres, sqlite]
  default: postgres
  when: "{{ template == 'service' }}"
"""
CHANGELOG = """\
# Changelog

## 1.1.0

### service

- Timeouts are configurable.

### batch

- Jobs can be resumed.

## 1.0.0

- The first version.
"""
APP = "".join(f"line {number}\n" for number in range(1, 11))


@dataclass(frozen=True)
class Shell:
    """A shell in a home of its own, in which `mlops-scaffold` is the program under test."""

    folder: Path
    home: Path

    def run(self, command: str, *, code: int = 0) -> str:
        """Type a command; returns what it printed on stdout and stderr."""
        done = subprocess.run(
            ["bash", "-c", f'mlops-scaffold() {{ {PROGRAM} "$@"; }}; {command}'],
            cwd=self.folder,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, f"{command}\n{done.stdout}"
        return done.stdout

    def inside(self, folder: str) -> Shell:
        """The same person, in another folder."""
        return Shell(self.folder / folder, self.home)

    def read(self, name: str) -> str:
        """A file of this folder."""
        return (self.folder / name).read_text("utf-8")

    def write(self, name: str, text: str) -> None:
        """Save a file in this folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    def commit(self, message: str) -> None:
        """Commit everything."""
        self.run(f"git add -A && git commit -q -m {shlex.quote(message)}")

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
        return kept | {
            "HOME": str(self.home),
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        }


@pytest.fixture
def user(tmp_path: Path) -> Shell:
    home, folder = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    folder.mkdir()
    shell = Shell(folder, home)
    shell.run("git config --global user.name Ada && git config --global user.email ada@example.org")
    shell.run("git config --global init.defaultBranch main")
    return shell


@pytest.fixture
def team(user: Shell) -> Shell:
    """A team's own catalog in git, `catalog/`, with 1.0.0 and 1.1.0."""
    user.run("git init -q catalog")
    catalog = user.inside("catalog")
    catalog.write(
        "catalog.yaml",
        "projects:\n"
        "- {slug: service, title: A service, level: beginner}\n"
        "- {slug: batch, title: A batch job, level: beginner}\n",
    )
    catalog.write("copier.yml", COPIER_YML)
    catalog.write("CHANGELOG.md", CHANGELOG)
    catalog.write("templates/service/questions.yml", QUESTIONS)
    for slug in ("service", "batch"):
        project = f"templates/{slug}/project"
        catalog.write(
            f"{project}/{{{{ _copier_conf.answers_file }}}}.jinja",
            "{{ _copier_answers|to_nice_yaml -}}\n",
        )
        catalog.write(f"{project}/app.py", APP)
    catalog.write(
        "templates/service/project/README.md.jinja",
        "# {{ project_name }}\n\nKeeps its data in {{ service_database }}.\n",
    )
    catalog.commit("First version")
    catalog.run("git tag 1.0.0")
    catalog.write("templates/service/project/app.py", APP.replace("line 2\n", "line 2, better\n"))
    catalog.write("templates/service/project/timeouts.py", "TIMEOUT = 30\n")
    catalog.commit("Timeouts")
    catalog.run("git tag 1.1.0")
    return user


def test_a_learner_creates_the_first_project_and_finds_everything_committed(user: Shell) -> None:
    said = user.run("mlops-scaffold new model-service my-first -y")
    assert "cd my-first && make demo" in said
    project = user.inside("my-first")
    assert project.run("git status --porcelain") == ""
    assert "Ada" in project.run("git log --format=%an")
    assert "pytest" in project.read("pyproject.toml")


def test_a_team_saves_its_catalog_and_creates_a_service_from_it(team: Shell) -> None:
    team.run("mlops-scaffold catalog add ours catalog")
    assert "service" in team.run("mlops-scaffold list --catalog ours")
    assert "database" in team.run("mlops-scaffold show service --catalog ours")
    team.run("mlops-scaffold new service billing --catalog ours -d database=sqlite -y")
    assert "sqlite" in team.read("billing/README.md")


def test_an_edited_service_is_upgraded_and_nothing_is_lost(team: Shell) -> None:
    team.run("mlops-scaffold new service billing --catalog catalog --version 1.0.0 -y")
    billing = team.inside("billing")
    billing.write("app.py", APP.replace("line 9\n", "line 9, ours\n"))
    billing.write("notes.txt", "ours\n")
    billing.commit("Our changes")
    status = billing.run("mlops-scaffold status --check", code=4)
    assert "1.1.0" in status
    preview = billing.run("mlops-scaffold upgrade --dry-run")
    assert billing.run("git status --porcelain") == ""
    said = billing.run("mlops-scaffold upgrade -y")
    assert "Timeouts are configurable" in said
    assert "Jobs can be resumed" not in said, "that is another template's news"
    assert verdicts(preview) == verdicts(said)
    assert billing.read("app.py") == APP.replace("line 2\n", "line 2, better\n").replace(
        "line 9\n", "line 9, ours\n"
    )
    assert billing.read("notes.txt") == "ours\n"
    billing.commit("Upgrade")
    assert "up to date" in billing.run("mlops-scaffold upgrade -y")


def test_a_conflict_is_resolved_and_the_upgrade_continued(team: Shell) -> None:
    team.run("mlops-scaffold new service billing --catalog catalog --version 1.0.0 -y")
    billing = team.inside("billing")
    billing.write("app.py", APP.replace("line 2\n", "line 2, ours\n"))
    billing.commit("Our changes")
    said = billing.run("mlops-scaffold upgrade -y", code=3)
    assert "conflict" in said
    assert "1.0.0" in billing.read(".copier-answers.yml")
    assert "app.py" in billing.run("mlops-scaffold upgrade --continue", code=3)
    billing.write("app.py", APP.replace("line 2\n", "line 2, ours and better\n"))
    billing.run("git add app.py && mlops-scaffold upgrade --continue")
    assert "1.1.0" in billing.read(".copier-answers.yml")
    billing.commit("Upgrade")


def test_a_conflict_is_given_up_and_everything_is_as_before(team: Shell) -> None:
    team.run("mlops-scaffold new service billing --catalog catalog --version 1.0.0 -y")
    billing = team.inside("billing")
    billing.write("app.py", APP.replace("line 2\n", "line 2, ours\n"))
    billing.commit("Our changes")
    before = billing.run("git rev-parse HEAD && git ls-files --stage && cat app.py")
    billing.run("mlops-scaffold upgrade -y", code=3)
    billing.run("mlops-scaffold upgrade --abort")
    assert billing.run("git rev-parse HEAD && git ls-files --stage && cat app.py") == before
    assert billing.run("git status --porcelain") == ""


def test_a_monorepo_upgrades_one_service_and_leaves_the_rest_alone(team: Shell) -> None:
    team.run("git init -q mono")
    mono = team.inside("mono")
    for name in ("billing", "mailer"):
        mono.run(f"mlops-scaffold new service {name} --catalog ../catalog --version 1.0.0 -y")
    mono.write("README.md", "ours\n")
    mono.commit("Two services")
    mono.write("README.md", "work in progress\n")
    mono.run("mlops-scaffold upgrade billing -y")
    changed = mono.run("git diff --cached --name-only").splitlines()
    assert changed
    assert all(path.startswith("billing/") for path in changed)
    assert mono.read("README.md") == "work in progress\n"


def test_a_platform_team_upgrades_a_fleet_and_one_failure_stops_no_other(team: Shell) -> None:
    for name in ("one", "two", "three"):
        team.run(f"mlops-scaffold new service {name} --catalog catalog --version 1.0.0 -y")
    team.write("two/app.py", "not committed\n")
    said = team.run("mlops-scaffold upgrade one two three -y --commit", code=1)
    table = said[said.rindex("Project ") :]
    assert re.search(r"one +committed", table)
    assert re.search(r"two +failed", table)
    assert re.search(r"three +committed", table)
    assert team.read("two/app.py") == "not committed\n"


def test_a_release_that_does_harm_is_taken_back(team: Shell) -> None:
    team.run("mlops-scaffold new service billing --catalog catalog -y")
    billing = team.inside("billing")
    billing.write("app.py", billing.read("app.py").replace("line 9\n", "line 9, ours\n"))
    billing.commit("Our changes")
    billing.run("mlops-scaffold upgrade --to 1.0.0 -y --commit")
    assert billing.read("app.py") == APP.replace("line 9\n", "line 9, ours\n")
    assert not (billing.folder / "timeouts.py").exists()
    assert "1.0.0" in billing.read(".copier-answers.yml")


def test_a_file_that_is_skipped_stays_as_it_is(team: Shell) -> None:
    team.run("mlops-scaffold new service billing --catalog catalog --version 1.0.0 -y")
    billing = team.inside("billing")
    billing.run("mlops-scaffold upgrade --skip app.py -y --commit")
    assert billing.read("app.py") == APP
    assert billing.read("timeouts.py") == "TIMEOUT = 30\n"
    assert "app.py" in billing.run("mlops-scaffold status")


def test_a_catalog_that_moved_is_followed(team: Shell) -> None:
    team.run("mlops-scaffold new service billing --catalog catalog --version 1.0.0 -y")
    team.run("mv catalog templates")
    assert "--catalog" in team.run("mlops-scaffold upgrade billing -y", code=1)
    team.run("mlops-scaffold upgrade billing -y --commit --catalog templates")
    assert "better" in team.read("billing/app.py")
    assert "up to date" in team.run("mlops-scaffold upgrade billing -y")


def test_an_old_repository_is_adopted_and_then_upgraded(team: Shell) -> None:
    """Somebody copied 1.0.0 by hand, long ago, with SQLite and another name."""
    team.run(
        "mlops-scaffold new service ledger --catalog catalog --version 1.0.0 -d database=sqlite -y"
    )
    ledger = team.inside("ledger")
    ledger.run("rm .copier-answers.yml")
    ledger.write("app.py", APP.replace("line 9\n", "line 9, ours\n"))
    ledger.commit("Forget the template")
    assert "adopt" in ledger.run("mlops-scaffold upgrade", code=1)

    preview = ledger.run("mlops-scaffold adopt service --catalog ../catalog --dry-run")
    assert "most like service 1.0.0" in preview
    assert ledger.run("git status --porcelain") == ""
    said = ledger.run("mlops-scaffold adopt service --catalog ../catalog")
    assert "service_database = sqlite" in said
    assert "project_name = ledger" in said
    assert ledger.run("git status --porcelain") == "A  .copier-answers.yml\n"
    printed = re.search(r"Keep it: (git .*)", said)
    assert printed
    ledger.run(printed[1])
    ledger.run("mlops-scaffold upgrade -y --commit")
    assert ledger.read("app.py") == APP.replace("line 2\n", "line 2, better\n").replace(
        "line 9\n", "line 9, ours\n"
    )
    assert "already belongs" in ledger.run(
        "mlops-scaffold adopt service --catalog ../catalog", code=1
    )


def test_a_repository_of_another_kind_is_not_adopted(team: Shell) -> None:
    team.run("git init -q blog")
    blog = team.inside("blog")
    blog.write("index.html", "hello\n")
    blog.commit("A page")
    said = blog.run("mlops-scaffold adopt service --catalog ../catalog", code=2)
    assert "nothing in common" in said
    assert blog.run("git status --porcelain") == ""


def verdicts(said: str) -> list[str]:
    """The lines of a report that say what becomes of a file."""
    kinds = ("added", "updated", "merged", "removed", "kept", "conflict")
    return [line.strip() for line in said.splitlines() if line.strip().startswith(kinds)]
