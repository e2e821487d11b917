"""How questions get their answers in a render: given, carried over, asked or by default."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from packaging.version import Version

from mlops_scaffold.errors import ScaffoldError, UsageError
from mlops_scaffold.render.job import ReplacedAnswer
from mlops_scaffold.render.render import render
from mlops_scaffold.source.base import BUILTIN_URL, TemplateTree

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlops_scaffold.render.job import RenderResult

    from .conftest import MakeCatalog

QUESTIONS = """\
demo_docker: {type: bool, default: true}
demo_count: {type: int, default: 3}
demo_rate: {type: float, default: 0.5}
demo_label: {type: str, default: x}
demo_extra: {type: yaml, default: {a: 1}}
demo_options: {type: json, default: '{"a": 1}'}
demo_tools: {type: str, multiselect: true, choices: [ruff, mypy, pytest], default: [ruff]}
demo_ports: {type: int, multiselect: true, choices: [80, 443], default: [80]}
demo_kind: {type: "{{ 'int' }}", default: 1}
demo_size: {type: str, choices: "{{ ['small', 'large'] }}", default: small}
demo_plan:
  type: str
  choices:
    Free: free
    Paid: {value: paid, validator: "{% if not demo_docker %}needs docker{% endif %}"}
  default: free
demo_even: {type: int, default: 2, validator: "{% if demo_even % 2 %}An even number.{% endif %}"}
"""
DEFAULTS = {
    "template": "demo",
    "project_name": "demo",
    "demo_docker": True,
    "demo_count": 3,
    "demo_rate": 0.5,
    "demo_label": "x",
    "demo_extra": {"a": 1},
    "demo_options": {"a": 1},
    "demo_tools": ["ruff"],
    "demo_ports": [80],
    "demo_kind": 1,
    "demo_size": "small",
    "demo_plan": "free",
    "demo_even": 2,
}


@pytest.fixture
def root(make_catalog: MakeCatalog) -> Path:
    return make_catalog(
        {
            "templates/demo/questions.yml": QUESTIONS,
            "templates/demo/project/README.md.jinja": "{{ demo_count }}\n",
        }
    )


def answered(
    root: Path, out: Path, given: Mapping[str, Any], carried: Mapping[str, Any] | None = None
) -> RenderResult:
    tree = TemplateTree(root, Version("1.0.0"), BUILTIN_URL, "v1.0.0")
    return render(tree, {"template": "demo", **given}, out, carried=carried)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {}),
        (
            {"docker": "no", "count": "4", "rate": "1e-1"},
            {"docker": False, "count": 4, "rate": 0.1},
        ),
        ({"tools": "mypy"}, {"tools": ["mypy"]}),
        ({"tools": "pytest, ruff"}, {"tools": ["ruff", "pytest"]}),
        ({"tools": "[mypy, ruff]"}, {"tools": ["ruff", "mypy"]}),
        ({"tools": ["mypy"]}, {"tools": ["mypy"]}),
        ({"tools": ""}, {"tools": []}),
        ({"ports": "443"}, {"ports": [443]}),
        ({"ports": [443, 80]}, {"ports": [80, 443]}),
        ({"extra": "[1, 2]"}, {"extra": [1, 2]}),
        ({"extra": {"b": [True]}}, {"extra": {"b": [True]}}),
        ({"options": "[1]"}, {"options": [1]}),
        ({"options": '"[1]"'}, {"options": "[1]"}),
        ({"label": "3.10"}, {"label": "3.10"}),
        ({"kind": "7"}, {"kind": 7}),
        ({"size": "large", "plan": "paid"}, {"size": "large", "plan": "paid"}),
    ],
)
def test_given_answers_get_their_type_and_can_be_carried_over_unchanged(
    root: Path, tmp_path: Path, given: dict[str, Any], expected: dict[str, Any]
) -> None:
    result = answered(root, tmp_path / "one", given)
    assert result.answers == {**DEFAULTS, **{f"demo_{k}": v for k, v in expected.items()}}
    again = answered(root, tmp_path / "two", {}, carried=result.answers)
    assert (again.answers, again.replaced) == (result.answers, ())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"docker": "flase"}, "demo_docker: 'flase' is not true or false"),
        ({"docker": None}, "demo_docker: null is not true or false"),
        ({"count": 3.7}, "demo_count: 3.7 is not a whole number"),
        ({"count": True}, "demo_count: true is not a whole number"),
        ({"rate": "half"}, "demo_rate: 'half' is not a number"),
        ({"label": 3.1}, "demo_label: 3.1 is not text: put it in quotes"),
        ({"extra": "[1"}, "demo_extra: '[1' is not valid YAML"),
        ({"options": "{"}, "demo_options: '{' is not valid JSON"),
        ({"tools": "mypi"}, "demo_tools: 'mypi' is not one of ruff, mypy, pytest"),
        ({"tools": "[ruff, mypi]"}, "demo_tools: 'mypi' is not one of"),
        ({"tools": "[ruff"}, "demo_tools: '[ruff' is not a valid list"),
        ({"tools": {"ruff": 1}}, 'demo_tools: {"ruff": 1} is not a list'),
        ({"ports": "http"}, "demo_ports: 'http' is not a whole number"),
        ({"ports": "8080"}, "demo_ports: 8080 is not one of 80, 443"),
        ({"kind": "x"}, "demo_kind: 'x' is not a whole number"),
        ({"size": "medium"}, "demo_size: 'medium' is not one of small, large"),
        ({"docker": False, "plan": "paid"}, "demo_plan: 'paid': needs docker"),
        ({"even": 3}, "demo_even: An even number."),
    ],
)
def test_given_answers_that_do_not_fit_are_refused_by_name(
    root: Path, tmp_path: Path, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError) as caught:
        answered(root, tmp_path / "out", given)
    assert said in caught.value.message
    assert [path.name for path in tmp_path.iterdir()] == ["catalog"]


def test_carried_answers_that_no_longer_fit_are_reported_with_the_reason(
    root: Path, tmp_path: Path
) -> None:
    carried = {"demo_docker": "maybe", "demo_size": "huge", "demo_even": 5, "demo_count": "4"}
    result = answered(root, tmp_path / "out", {"even": 4}, carried=carried)
    assert result.answers == {**DEFAULTS, "demo_even": 4, "demo_count": 4}
    assert [(each.key, each.was) for each in result.replaced] == [
        ("demo_docker", "maybe"),
        ("demo_size", "huge"),
    ]
    assert result.replaced[1] == ReplacedAnswer(
        "demo_size", "huge", "'huge' is not one of small, large"
    )


def test_a_question_without_a_default_says_how_to_answer_it(
    make_catalog: MakeCatalog, tmp_path: Path
) -> None:
    team = "demo_team: {type: str, help: 'Which team?'}\n"
    root = make_catalog({"templates/demo/questions.yml": team})
    with pytest.raises(UsageError, match="demo_team has no default") as caught:
        answered(root, tmp_path / "out", {})
    assert caught.value.hint == "give one: -d team=VALUE"
    assert answered(root, tmp_path / "out", {"team": "blue"}).answers["demo_team"] == "blue"


def test_a_default_that_its_question_refuses_says_how_to_answer_it(
    make_catalog: MakeCatalog, tmp_path: Path
) -> None:
    team = "demo_team: {default: '', validator: '{% if not demo_team %}Say it.{% endif %}'}\n"
    root = make_catalog({"templates/demo/questions.yml": team})
    with pytest.raises(UsageError, match="demo_team: its default does not fit: Say it") as caught:
        answered(root, tmp_path / "out", {})
    assert caught.value.hint == "give one: -d team=VALUE"


def test_messages_are_rendered_without_control_characters(
    make_catalog: MakeCatalog, tmp_path: Path
) -> None:
    messages = (
        '_message_before_copy: "Hello \\e[31m{{ template }}"\n'
        '_message_after_copy: "Now type: make {{ project_name }}"\n'
        '_message_before_update: "Mind the ports"\n'
        '_message_after_update: "{{ project_name }} is newer"\n'
    )
    root = make_catalog()
    (root / "copier.yml").write_text(messages + (root / "copier.yml").read_text())
    result = answered(root, tmp_path / "one", {"project_name": "p"})
    assert result.messages == ("Hello [31mdemo", "Now type: make p")
    tree = TemplateTree(root, Version("1.0.0"), "https://example.org/x.git", "v1.0.0")
    update = render(tree, {"template": "demo"}, tmp_path / "two", operation="update")
    assert update.messages == ("Mind the ports", "demo is newer")


def test_an_external_catalog_gets_the_same_answers(root: Path, tmp_path: Path) -> None:
    tree = TemplateTree(root, Version("1.0.0"), "https://example.org/x.git", "v1.0.0")
    carried = {"demo_size": "huge", "demo_extra": {"b": [1, None]}}
    result = render(tree, {"template": "demo", "tools": "mypy"}, tmp_path / "out", carried=carried)
    assert result.answers == {**DEFAULTS, "demo_tools": ["mypy"], "demo_extra": {"b": [1, None]}}
    assert result.replaced == (
        ReplacedAnswer("demo_size", "huge", "'huge' is not one of small, large"),
    )
    with pytest.raises(UsageError, match="demo_docker"):
        render(tree, {"template": "demo", "docker": "flase"}, tmp_path / "no")


def test_a_missing_template_folder_is_named(make_catalog: MakeCatalog, tmp_path: Path) -> None:
    tree = TemplateTree(make_catalog(), Version("1.0.0"), BUILTIN_URL, "v1.0.0")
    with pytest.raises(ScaffoldError, match="no folder templates/later/project"):
        render(tree, {"template": "later"}, tmp_path / "out")
