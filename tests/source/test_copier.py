"""Each inside and message of Copier that `render/` relies on: a new Copier shows here first."""

from __future__ import annotations

import inspect
from dataclasses import fields
from functools import cached_property
from pathlib import Path
from typing import Any

import jinja2
import pytest
from copier import _main, _template, _types, _user_data
from copier._jinja_ext import SandboxedEnvironment
from copier._settings import SettingsModel
from copier.errors import CopierError, ForbiddenPathError, UserMessageError

from mlops_scaffold.authoring.lint import QUESTION_KEYS
from mlops_scaffold.render import questions

Worker, Template, Question = _main.Worker, _template.Template, _user_data.Question


def question(**details: Any) -> _user_data.Question:
    return Question(
        var_name="key",
        answers=_user_data.AnswersMap(),
        context={},
        jinja_env=SandboxedEnvironment(),
        **details,
    )


@pytest.mark.parametrize(
    ("owner", "name", "parameters"),
    [
        (Worker, "_ask", ["self"]),
        (Worker, "_render_template", ["self"]),
        (Worker, "_render_path", ["self", "relpath"]),
        (Worker, "_render_file", ["self", "src_relpath", "dst_relpath", "extra_context"]),
        (Worker, "_render_context", ["self"]),
        (Worker, "_render_string", ["self", "string", "extra_context"]),
        (Worker, "_external_data", ["self"]),
        (Worker, "run_copy", ["self"]),
        (Question, "cast_answer", ["self", "answer"]),
        (Question, "get_default", ["self"]),
        (Question, "get_questionary_structure", ["self"]),
        (Question, "get_type_name", ["self"]),
        (Question, "get_when", ["self"]),
        (Question, "validate_answer", ["self", "answer"]),
    ],
)
def test_called_and_overridden_methods_exist(owner: type, name: str, parameters: list[str]) -> None:
    assert list(inspect.signature(getattr(owner, name)).parameters) == parameters


def test_git_runs_for_a_rendered_file_in_one_method_only() -> None:
    """Where that is overridden, no git is started for each file."""
    found = [name for name, member in inspect.getmembers(Worker) if "_sync_git_index" in name]
    source = inspect.getsource(Worker._render_file)
    assert found or "git" not in source
    assert source.count("get_git(") == 0


@pytest.mark.parametrize("name", ["template", "template_copy_root", "jinja_env"])
def test_overridden_attributes_are_cached_properties(name: str) -> None:
    assert isinstance(inspect.getattr_static(Worker, name), cached_property)


@pytest.mark.parametrize(
    "name",
    ["vcs", "local_abspath", "metadata", "questions_data", "secret_questions", "envops"],
)
def test_the_template_has_the_attributes_in_use(name: str) -> None:
    assert isinstance(inspect.getattr_static(Template, name), cached_property)


def test_the_answers_have_the_fields_in_use() -> None:
    names = {field.name for field in fields(_user_data.AnswersMap)}
    assert {"user", "init", "metadata", "last", "external", "hidden"} <= names
    assert "defaults" in SettingsModel.model_fields


def test_lint_knows_every_key_of_a_question() -> None:
    given = {"var_name", "answers", "context", "jinja_env", "settings"}
    known = {field.name for field in fields(Question)} - given
    assert known <= set(QUESTION_KEYS)
    assert set(QUESTION_KEYS) - known <= {"ask"}, "which came with Copier 9.18"


def test_refusals_have_the_expected_form() -> None:
    with pytest.raises(ValueError, match="key") as refused:
        question(type="str", validator="No.").validate_answer("x")
    assert questions._reason(refused.value) == "No."
    with pytest.raises(ValueError, match="key") as none:
        question(type="str", choices=["a"]).parse_answer("b")
    assert questions._reason(none.value) == "'b' is not in ['a']"


def test_missing_defaults_and_choices_have_the_expected_form() -> None:
    assert question(type="str").get_default() is _types.MISSING
    choices = question(
        type="str", choices={"A": "a", "B": {"value": "b", "validator": "Not now."}}
    )._formatted_choices
    assert [(each.value, each.disabled) for each in choices] == [("a", ""), ("b", "Not now.")]
    assert [each.value for each in question(choices="[x, y]")._formatted_choices] == ["x", "y"]


def test_errors_have_the_expected_base_classes() -> None:
    assert issubclass(UserMessageError, CopierError)
    assert str(ForbiddenPathError(path=Path("a"))) == '"a" is forbidden'
    assert issubclass(jinja2.TemplateNotFound, OSError)


def test_jinja_marks_the_frames_of_templates() -> None:
    environment = jinja2.Environment(loader=jinja2.DictLoader({"a": "\n{{ 1 / 0 }}"}))  # noqa: S701
    with pytest.raises(ZeroDivisionError) as caught:
        environment.get_template("a").render()
    frames = [
        entry.frame for entry in caught.traceback if "__jinja_exception__" in entry.frame.f_globals
    ]
    assert frames
