"""`list`, `show`, `roadmap` and `doctor` say what the catalog says, to people and programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from mlops_scaffold.__main__ import main
from mlops_scaffold.catalog.loading import load
from mlops_scaffold.catalog.records import LEVELS
from mlops_scaffold.cli.catalog_views import folders
from mlops_scaffold.creation.create import Request, create
from mlops_scaffold.source.builtin import builtin_root

if TYPE_CHECKING:
    from pathlib import Path

OURS = load(builtin_root())
PROJECT_KEYS = {
    *("number", "slug", "title", "level", "duration", "objective", "skills", "tools", "dataset"),
    *("prerequisites", "next", "needs", "topics", "phases", "has_template"),
}


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*args: str) -> str:
        assert main(args) == 0
        return capsys.readouterr().out

    return run


def test_list_shows_every_project_under_its_level(say: Any) -> None:
    said = say("list")
    at = [said.index(level.capitalize()) for level in LEVELS]
    assert at == sorted(at)
    for project in OURS.projects:
        start = at[LEVELS.index(project.level)]
        assert said.index(project.slug, start) > start
        assert project.title in said


def test_list_marks_what_has_no_template(say: Any) -> None:
    said = say("list")
    for project in OURS.projects:
        assert (f"{project.title} (planned)" in said) == (not project.has_template)


def test_list_without_a_match_says_so(say: Any) -> None:
    assert say("list", "--search", "quantum telepathy") == "No project matches.\n"
    found = json.loads(say("list", "--search", "quantum telepathy", "--json"))
    assert found == {"schema": 1, "command": "list", "projects": []}


def test_list_as_json_has_exactly_the_documented_keys(say: Any) -> None:
    told = json.loads(say("list", "--json"))
    assert list(told) == ["schema", "command", "projects"]
    assert told["schema"] == 1
    assert [project["number"] for project in told["projects"]] == [
        project.number for project in OURS.projects
    ]
    assert all(set(project) == PROJECT_KEYS for project in told["projects"])


@pytest.mark.parametrize("project", OURS.projects, ids=lambda project: project.slug)
def test_show_tells_all_about_a_project(project: Any, say: Any) -> None:
    said = " ".join(say("show", project.slug).split())
    for text in (project.objective, project.dataset, *project.skills, *project.prerequisites):
        assert text in said
    for tool in project.tools:
        assert tool in said
    assert all(slug in said for slug in project.next)


def test_show_lists_files_and_questions_of_a_template(say: Any) -> None:
    said = say("show", "1")
    assert "mlops-scaffold new model-service" in said
    assert "pyproject.toml" in said
    assert "  deploy/ " in said
    assert "    grafana/ " in said
    assert "dashboards" not in said, "two levels deep"
    assert "deploy/grafana/dashboards/service.json" in say("show", "1", "--files")
    assert "[iris]" in said
    assert "(iris, digits, mnist)" in said


def test_show_names_the_nearest_where_there_is_no_template(say: Any, tmp_path: Path) -> None:
    (tmp_path / "catalog.yaml").write_text(
        "projects:\n"
        "- {slug: a, title: A, level: expert, tools: [Kafka]}\n"
        "- {slug: b, title: B, level: expert, tools: [Git]}\n"
        "- {slug: c, title: C, level: beginner, tools: [Kafka]}\n"
    )
    (tmp_path / "copier.yml").write_text(
        "_subdirectory: templates/{{ template }}/project\ntemplate: {type: str}\n"
    )
    for slug in ("b", "c"):
        (tmp_path / "templates" / slug / "project").mkdir(parents=True)
        (tmp_path / "templates" / slug / "project" / "README.md").write_text("hello\n")
    said = say("show", "a", "--catalog", str(tmp_path))
    assert "no template yet" in said
    assert "planned" in said
    assert "mlops-scaffold new c" in said
    assert said.splitlines()[-1].endswith(f": mlops-scaffold new c --catalog {tmp_path}")
    told = json.loads(say("show", "a", "--catalog", str(tmp_path), "--json"))
    assert told["nearest"] == "c"
    assert json.loads(say("show", "b", "--catalog", str(tmp_path), "--json"))["files"] == [
        ".copier-answers.yml",
        "README.md",
    ]


def test_show_lists_the_files_that_new_makes(say: Any, tmp_path: Path) -> None:
    for slug in ("model-service", "drift-monitor"):
        made = create(Request(slug, tmp_path / slug, git=False))
        told = json.loads(say("show", slug, "--json"))["files"]
        assert told == sorted(file.path for file in made.files)
        assert not [path for path in told if "{" in path]


def test_show_says_when_the_files_depend_on_an_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "catalog.yaml").write_text("projects:\n- {slug: a, title: A, level: expert}\n")
    (tmp_path / "copier.yml").write_text(
        "_subdirectory: templates/{{ template }}/project\n"
        "template: {type: str, help: which}\nregion: {type: str, help: where}\n"
    )
    folder = tmp_path / "templates" / "a" / "project"
    folder.mkdir(parents=True)
    (folder / "{{ region }}.txt").write_text("hello\n")
    assert main(["show", "a", "--catalog", str(tmp_path)]) == 0
    said = capsys.readouterr()
    assert "region" in said.out
    assert "files can't be listed" in said.err


def test_what_only_copier_can_not_parse_is_told_by_file_and_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "catalog.yaml").write_text("projects:\n- {slug: a, title: A, level: expert}\n")
    (tmp_path / "copier.yml").write_text("one: 1\nregion: {type: str, help: Where?}\n")
    (tmp_path / "templates" / "a" / "project").mkdir(parents=True)
    assert main(["show", "a", "--catalog", str(tmp_path)]) == 1
    assert "copier.yml, line 2: not valid YAML" in capsys.readouterr().err


def test_folders_are_counted_two_levels_deep_and_joined_where_one_holds_only_another() -> None:
    files = ("README.md", "src/pkg/a.py", "src/pkg/web/b.py", "src/pkg/web/c.py", "x/y/z.txt")
    assert folders(files) == ((0, "src/pkg", 3), (1, "web", 2), (0, "x/y", 1))


def test_show_as_json_has_exactly_the_documented_keys(say: Any) -> None:
    told = json.loads(say("show", "model-service", "--json"))
    assert set(told) == {"schema", "command", "project", "questions", "files", "nearest"}
    assert set(told["project"]) == PROJECT_KEYS
    assert told["nearest"] is None
    assert all(
        set(question) == {"key", "short", "type", "help", "default", "choices"}
        for question in told["questions"]
    )


def test_roadmap_shows_each_topic_with_the_projects_that_practise_it(say: Any) -> None:
    lines = [line.strip() for line in say("roadmap").splitlines()]
    text = "\n".join(lines)
    assert "[x] Docker Compose (1, 8)" in lines
    planned = next(p for p in OURS.projects if not p.has_template)
    only = [t for t in planned.topics if OURS.practising(t) == (planned,)]
    assert f"[~] {OURS.roadmap.topics[only[0]]} ({planned.number})" in lines
    assert "[ ] Horovod" in lines
    for phase in OURS.roadmap.phases:
        assert f"Phase {phase.number}: {phase.title} ({phase.duration})" in text
    for kind in OURS.roadmap.resources:
        assert all(item in text for item in kind.items)


def test_roadmap_as_json_counts_every_topic_once(say: Any) -> None:
    told = json.loads(say("roadmap", "--json"))["roadmap"]
    assert set(told) == {"phases", "developments", "resources", "unpractised"}
    sections = [part for phase in told["phases"] for part in phase["sections"]]
    topics = [topic for part in sections + told["developments"] for topic in part["topics"]]
    assert [topic["id"] for topic in topics] == list(OURS.roadmap.topics)
    assert told["unpractised"] == [topic["id"] for topic in topics if not topic["projects"]]
    practised = {slug for topic in topics for slug in topic["projects"]}
    assert practised == {project.slug for project in OURS.projects}


def test_a_catalog_without_a_roadmap_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "catalog.yaml").write_text("projects: []\n")
    (tmp_path / "copier.yml").write_text("_subdirectory: templates/{{ template }}/project\n")
    (tmp_path / "templates").mkdir()
    assert main(["roadmap", "--catalog", str(tmp_path)]) == 1
    assert "no roadmap" in capsys.readouterr().err
