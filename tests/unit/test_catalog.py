"""Our catalog is whole, a wrong one is refused by file, line and key, and search finds things."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mlops_scaffold.catalog.catalog import Catalog
from mlops_scaffold.catalog.loading import load
from mlops_scaffold.catalog.records import LEVELS, Phase, Project, Roadmap, Section
from mlops_scaffold.errors import ScaffoldError, UsageError
from mlops_scaffold.source.builtin import builtin_root

OURS = load(builtin_root())

ROADMAP = {
    1: "model-service",
    2: "training-pipeline",
    3: "model-versioning",
    6: "e2e-pipeline",
    7: "ab-testing",
    8: "realtime-service",
    10: "drift-monitor",
    14: "rag-system",
    16: "llm-finetuning",
    18: "ml-observability",
    21: "ml-platform",
    22: "llmops-platform",
}


def test_every_project_of_the_roadmap_is_there() -> None:
    assert {project.number: project.slug for project in OURS.projects} == ROADMAP


@pytest.mark.parametrize("project", OURS.projects, ids=lambda project: project.slug)
def test_every_field_of_a_project_is_filled_in(project: Project) -> None:
    said = (project.duration, project.objective, project.dataset)
    lists = (project.skills, project.tools, project.prerequisites, project.topics)
    assert all(said)
    assert all(lists)


def test_every_level_has_projects_and_only_the_last_has_no_next() -> None:
    assert {project.level for project in OURS.projects} == set(LEVELS)
    assert [project.slug for project in OURS.projects if not project.next] == ["llmops-platform"]


def test_every_project_can_be_reached_from_the_first() -> None:
    reached, waiting = set(), ["model-service"]
    while waiting:
        slug = waiting.pop()
        if slug not in reached:
            reached.add(slug)
            waiting += OURS.find(slug).next
    assert reached == set(ROADMAP.values())


def test_what_comes_next_is_never_easier() -> None:
    for project in OURS.projects:
        for slug in project.next:
            level = OURS.find(slug).level
            assert LEVELS.index(level) >= LEVELS.index(project.level), (project.slug, slug)


def test_the_roadmap_has_six_phases_and_every_project_works_in_some() -> None:
    assert [phase.number for phase in OURS.roadmap.phases] == [1, 2, 3, 4, 5, 6]
    assert all(OURS.phases_of(project) for project in OURS.projects)
    assert OURS.roadmap.developments
    kinds = {kind.title for kind in OURS.roadmap.resources}
    assert {"Courses", "Books", "Certifications", "Communities", "Repositories"} <= kinds


def test_a_template_is_a_folder_and_not_a_flag(tmp_path: Path) -> None:
    write(tmp_path, minimal())
    assert not load(tmp_path).projects[0].has_template
    (tmp_path / "templates/one/project").mkdir(parents=True)
    assert load(tmp_path).projects[0].has_template


# A foreign catalog, and mistakes in it.


def minimal(**more: Any) -> dict[str, Any]:
    return {"projects": [{"slug": "one", "title": "One", "level": "beginner", **more}]}


def write(root: Path, data: Any) -> Path:
    text = data if isinstance(data, str) else yaml.safe_dump(data, sort_keys=False)
    (root / "catalog.yaml").write_text(text, "utf-8")
    return root


def test_slug_title_and_level_are_enough(tmp_path: Path) -> None:
    catalog = load(write(tmp_path, minimal()))
    assert catalog.projects == (Project(slug="one", title="One", level="beginner"),)
    assert catalog.roadmap == Roadmap()


MISTAKES = {
    "no list": ("projects: 3\n", 1, "projects", "expected a list"),
    "missing key": ("projects:\n- slug: a\n  level: expert\n", 2, "projects.0", "title"),
    "unknown key": (
        "projects:\n- slug: a\n  title: A\n  levle: expert\n",
        4,
        "projects.0.levle",
        "unknown key",
    ),
    "level": ("projects:\n- slug: a\n  title: A\n  level: epxert\n", 4, "level", "epxert"),
    "slug": ("projects:\n- slug: A_b\n  title: A\n  level: expert\n", 2, "slug", "lower-case"),
    "type": ("projects:\n- slug: a\n  title: 7\n  level: expert\n", 3, "title", "quotes"),
    "number": (
        "projects:\n- slug: a\n  title: A\n  level: expert\n  number: true\n",
        5,
        "number",
        "whole number",
    ),
    "list item": (
        "projects:\n- slug: a\n  title: A\n  level: expert\n  tools:\n  - Git\n  - 3\n",
        7,
        "tools.1",
        "text",
    ),
    "twice in list": (
        "projects:\n- slug: a\n  title: A\n  level: expert\n  tools: [Git, Git]\n",
        5,
        "tools.1",
        "twice",
    ),
    "unknown topic": (
        (
            "projects:\n- slug: a\n  title: A\n  level: expert\n  topics: [gti]\n"
            "roadmap: {phases: [], developments: [{title: T, topics: {git: Git}}]}\n"
        ),
        5,
        "topics.0",
        "gti",
    ),
    "unknown next": (
        "projects:\n- slug: a\n  title: A\n  level: expert\n  next: [b]\n",
        5,
        "next.0",
        "'b'",
    ),
    "next is itself": (
        "projects:\n- slug: a\n  title: A\n  level: expert\n  next: [a]\n",
        5,
        "next.0",
        "'a'",
    ),
    "unknown need": (
        "projects:\n- slug: a\n  title: A\n  level: expert\n  needs: [dokcer]\n",
        5,
        "needs.0",
        "dokcer",
    ),
    "same slug": (
        "projects:\n- {slug: a, title: A, level: expert}\n- {slug: a, title: B, level: expert}\n",
        2,
        "slug",
        "two projects",
    ),
    "same number": (
        (
            "projects:\n- {slug: a, title: A, level: expert, number: 1}\n"
            "- {slug: b, title: B, level: expert, number: 1}\n"
        ),
        2,
        "number",
        "two projects",
    ),
    "same topic": (
        (
            "projects: []\nroadmap:\n  developments:\n  - {title: A, topics: {git: Git}}\n"
            "  - {title: B, topics:\n      {git: Git}}\n"
        ),
        6,
        "git",
        "twice",
    ),
    "key twice": ("projects:\n- slug: a\n  title: A\n  slug: b\n", 4, "slug", "twice"),
    "not YAML": ("projects:\n- slug: [a\n", 3, "", "not valid YAML"),
    "alias": ("a: &x [1]\nprojects: *x\n", 2, "", "aliases"),
    "key is a number": ("projects:\n- {slug: a, 3: b}\n", 2, "projects.0", "must be text"),
    "no mapping": ("[]\n", 1, "top level", "mapping"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_names_file_line_and_key(name: str, tmp_path: Path) -> None:
    text, line, key, said = MISTAKES[name]
    with pytest.raises(ScaffoldError) as caught:
        load(write(tmp_path, text))
    message = caught.value.message
    assert f"{tmp_path / 'catalog.yaml'}, line {line}: " in message
    assert key in message
    assert said in message


def test_a_misspelt_level_gets_a_suggestion(tmp_path: Path) -> None:
    with pytest.raises(ScaffoldError) as caught:
        load(write(tmp_path, MISTAKES["level"][0]))
    assert caught.value.hint == "did you mean expert?"


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe\x00",
        b"projects: " + b"[" * 5000,
        b"x" * 1_000_001,
        b"--- 1\n--- 2\n",
        b"a: !!python/object:os.system x",
    ],
    ids=["not UTF-8", "deep nesting", "too large", "two documents", "code"],
)
def test_a_file_that_is_no_catalog_is_refused_by_name(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "catalog.yaml").write_bytes(content)
    with pytest.raises(ScaffoldError, match=r"catalog\.yaml"):
        load(tmp_path)


def test_a_folder_without_a_catalog_is_refused_with_advice(tmp_path: Path) -> None:
    with pytest.raises(ScaffoldError, match=r"neither catalog\.yaml nor copier\.yml") as caught:
        load(tmp_path)
    assert "templates/" in caught.value.hint


def test_aliases_that_expand_to_a_huge_file_are_refused(tmp_path: Path) -> None:
    bomb = "a: &a [x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 8)}]\n" for i in range(20)
    )
    with pytest.raises(ScaffoldError, match="aliases are not allowed"):
        load(write(tmp_path, bomb))


# Finding things.


@pytest.mark.parametrize("name", ["8", "realtime-service"])
def test_a_project_is_found_by_number_and_by_name(name: str) -> None:
    assert OURS.find(name).slug == "realtime-service"


def test_a_misspelt_project_gets_a_suggestion() -> None:
    with pytest.raises(UsageError) as caught:
        OURS.find("drift-montior")
    assert "drift-monitor" in caught.value.hint


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        ({"level": "expert"}, {"ml-platform", "llmops-platform"}),
        ({"level": "EXPERT"}, {"ml-platform", "llmops-platform"}),
        ({"tool": "kafka"}, {"realtime-service"}),
        ({"text": "RERANKING documents"}, {"rag-system"}),
        ({"text": "reranking", "level": "beginner"}, set()),
        ({"phase": "3", "level": "beginner"}, {"model-service", "model-versioning"}),
        ({"phase": "development", "level": "beginner"}, {"model-service", "model-versioning"}),
        ({}, set(ROADMAP.values())),
    ],
)
def test_search_finds_projects_that_match_every_condition(conditions: Any, found: set[str]) -> None:
    assert {project.slug for project in OURS.search(**conditions)} == found


@pytest.mark.parametrize(
    ("conditions", "hint"),
    [
        ({"level": "begginer"}, "did you mean beginner?"),
        ({"tool": "Kafak"}, "Apache Kafka"),
        ({"phase": "9"}, "1 (foundations)"),
    ],
)
def test_an_unknown_level_phase_or_tool_is_a_usage_error(conditions: Any, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        OURS.search(**conditions)
    assert hint in caught.value.hint


def test_a_catalog_without_a_roadmap_says_that_it_has_no_phases(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load(write(tmp_path, minimal())).search(phase="1")
    assert caught.value.hint == "this catalog has no phases"


TOPICS = tuple("abcdef")
projects = st.builds(
    Project,
    slug=st.from_regex(r"[a-z]{3,8}", fullmatch=True),
    title=st.text("xyz ", min_size=1),
    level=st.sampled_from(LEVELS),
    topics=st.sets(st.sampled_from(TOPICS)).map(lambda found: tuple(sorted(found))),
    tools=st.sets(st.sampled_from(["Git", "Kafka", "Redis"])).map(tuple),
    has_template=st.booleans(),
)
catalogs = st.lists(projects, min_size=1, unique_by=lambda project: project.slug).map(
    lambda found: Catalog(
        Path(),
        tuple(found),
        Roadmap((Phase(1, "p", "P", "1", (Section("S", {t: t for t in TOPICS}),)),)),
    )
)


@given(catalogs, st.sampled_from(LEVELS), st.text("xyzk ", max_size=3))
def test_search_only_narrows_and_keeps_the_order(catalog: Catalog, level: str, text: str) -> None:
    both = catalog.search(text, level=level)
    by_text, by_level = catalog.search(text), catalog.search(level=level)
    assert set(both) == set(by_text) & set(by_level)
    assert list(both) == [project for project in catalog.projects if project in both]


@given(catalogs)
def test_the_nearest_project_has_a_template_and_none_shares_more(catalog: Catalog) -> None:
    for project in catalog.projects:
        nearest = catalog.nearest(project)
        ready = [p for p in catalog.projects if p.has_template and p != project]
        assert (nearest is None) == (not ready)
        if nearest is not None:
            mine = {*project.topics, *project.tools}

            def share(other: Project, mine: set[str] = mine) -> float:
                its = {*other.topics, *other.tools}
                return len(mine & its) / len(mine | its) if mine | its else 0

            assert nearest in ready
            assert share(nearest) == max(map(share, ready))
