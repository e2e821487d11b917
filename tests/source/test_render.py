from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from packaging.version import Version

from mlops_scaffold.errors import ScaffoldError, UsageError
from mlops_scaffold.render.render import render
from mlops_scaffold.source.base import BUILTIN_URL, TemplateTree

from .conftest import COPIER_YML, QUESTIONS, commit_all, contents

if TYPE_CHECKING:
    from .conftest import MakeCatalog

DEMO = {"template": "demo"}
PROJECT = "templates/demo/project"


def tree_of(root: Path, version: str = "1.0.0", url: str = BUILTIN_URL) -> TemplateTree:
    return TemplateTree(root, Version(version), url, f"v{version}")


def test_renders_names_contents_modes_and_the_origin(
    make_catalog: MakeCatalog, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    final = render(
        tree_of(make_catalog()), {**DEMO, "project_name": "my-demo", "size": "7"}, out
    ).answers
    assert final == {
        "template": "demo",
        "project_name": "my-demo",
        "demo_size": 7,
        "demo_colour": "red",
    }
    assert contents(out) == {
        ".copier-answers.yml": (
            0o100644,
            (
                b"# Kept.\n_commit: v1.0.0\n_src_path: mlops-scaffold://catalog.git\n"
                b"demo_colour: red\ndemo_size: 7\nproject_name: my-demo\ntemplate: demo\n"
            ),
        ),
        "README.md": (0o100644, b"# my-demo: 7\n"),
        "run.sh": (0o100755, b"#!/bin/sh\n"),
        "src/my_demo/__init__.py": (0o100644, b""),
    }
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_the_same_input_gives_the_same_bytes_on_any_machine(
    make_catalog: MakeCatalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_catalog({"templates/demo/project/place.jinja": "{{ _folder_name }}\n"})
    render(tree_of(root), DEMO, tmp_path / "one")

    settings = Path(os.environ["XDG_CONFIG_HOME"]) / "copier"
    settings.mkdir(parents=True)
    (settings / "settings.yml").write_text("defaults: {demo_size: 99, project_name: hijacked}\n")
    commit_all(root, "v3.0.0")
    (root / "templates/demo/project/run.sh").chmod(0o700)
    monkeypatch.chdir(root)
    before = os.umask(0o077)
    try:
        render(tree_of(root), DEMO, tmp_path / "two words")
    finally:
        os.umask(before)
    assert contents(tmp_path / "one") == contents(tmp_path / "two words")


@pytest.mark.parametrize(
    ("answers", "said", "hint"),
    [
        ({"size_": "1"}, "demo has no question 'size_'", "did you mean size"),
        ({"nothing_like_it": 1}, "no question 'nothing_like_it'", "project_name, size, colour"),
        ({"package_name": "x"}, "'package_name' follows from other answers", ""),
        ({"shade": "x"}, "'demo_shade' is not asked with these answers", ""),
        ({"colour": "gren"}, "demo_colour: 'gren' is not one of red, green", "did you mean green"),
        ({"size": "0"}, "demo_size: At least one", ""),
        ({"size": "many"}, "'many' is not a whole number", ""),
        ({"size": 1, "demo_size": 1}, "'demo_size' is given twice", ""),
        ({"_src_path": "x"}, "no question '_src_path'", ""),
    ],
)
def test_answers_that_do_not_fit_are_refused_and_nothing_is_left(
    make_catalog: MakeCatalog, tmp_path: Path, answers: dict[str, Any], said: str, hint: str
) -> None:
    root = make_catalog()
    with pytest.raises(UsageError, match=said) as caught:
        render(tree_of(root), {**DEMO, **answers}, tmp_path / "out")
    assert hint in caught.value.hint
    assert sorted(path.name for path in tmp_path.iterdir()) == ["catalog"]


def test_an_answer_to_a_conditional_question_is_accepted(
    make_catalog: MakeCatalog, tmp_path: Path
) -> None:
    final = render(
        tree_of(make_catalog()), {**DEMO, "colour": "green", "shade": "light"}, tmp_path / "out"
    ).answers
    assert final["demo_shade"] == "light"


def test_carried_answers_are_kept_if_they_fit_and_replaced_by_defaults_if_not(
    make_catalog: MakeCatalog, tmp_path: Path
) -> None:
    carried = {
        "template": "demo",
        "project_name": "old-name",
        "demo_size": -4,
        "demo_colour": "purple",
        "demo_shade": "hidden now",
        "gone": True,
    }
    final = render(tree_of(make_catalog()), {"size": 5}, tmp_path / "one", carried=carried).answers
    expected = {
        "template": "demo",
        "project_name": "old-name",
        "demo_size": 5,
        "demo_colour": "red",
    }
    assert final == expected
    final = render(tree_of(make_catalog()), {}, tmp_path / "two", carried=carried).answers
    assert final == {**expected, "demo_size": 3}


def test_an_answers_file_is_written_even_where_the_template_has_none(
    make_catalog: MakeCatalog, tmp_path: Path
) -> None:
    root = make_catalog({"templates/demo/project/{{ _copier_conf.answers_file }}.jinja": None})
    render(tree_of(root), DEMO, tmp_path / "out")
    recorded = yaml.safe_load((tmp_path / "out/.copier-answers.yml").read_text())
    assert recorded["_src_path"] == BUILTIN_URL


def test_uncommitted_changes_in_a_checkout_are_rendered(
    make_catalog: MakeCatalog, tmp_path: Path
) -> None:
    root = make_catalog()
    commit_all(root, "v1.0.0")
    (root / "templates/demo/project/new.txt").write_text("not committed")
    render(tree_of(root), DEMO, tmp_path / "out")
    assert (tmp_path / "out/new.txt").read_text() == "not committed"


Z = f"{PROJECT}/z.jinja"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({Z: "a\n\n{{ 1 / 0 }}"}, f"{Z}, line 3: division by zero (ZeroDivisionError)"),
        ({Z: "{% if %}"}, f"{Z}, line 1: Expected an expression"),
        ({Z: "a\n{% if x %}\n{{ y }}\n"}, f"{Z}, line 3: Unexpected end of template"),
        ({Z: "{{ x | nonsense }}"}, f"{Z}, line 1: No filter named 'nonsense'"),
        ({Z: "a\n{{ nothing.at.all }}"}, f"{Z}, line 2: 'nothing' is undefined"),
        ({Z: "{% include 'templates/_shared/x' %}"}, f"{Z}, line 1: there is no file"),
        ({Z: b"a\ncaf\xe9 {{ project_name }}"}, f"{Z}, line 2: not UTF-8 at byte 5 (0xe9)"),
        ({Z: "{{ ''.__class__.mro() }}"}, f"{Z}, line 1: access to attribute '__class__'"),
        (
            {Z: "{% include 'templates/_shared/x' %}", "templates/_shared/x": "\n{{ a.b.c }}"},
            f"templates/_shared/x, line 2: 'a' is undefined (rendering {Z})",
        ),
        ({f"{PROJECT}/{{{{ a.b.c }}}}/x": ""}, f"{PROJECT}/{{{{ a.b.c }}}}: 'a' is undefined"),
        ({f"{PROJECT}/{{% if %}}.txt": ""}, f"{PROJECT}/{{% if %}}.txt: Expected an expression"),
        (
            {"templates/demo/questions.yml": f"{QUESTIONS}demo_x: '{{{{ a.b.c }}}}'\n"},
            "templates/demo/questions.yml, line 15: demo_x: 'a' is undefined",
        ),
        ({"copier.yml": f"_exclude: ['{{{{ a.b.c }}}}']\n{COPIER_YML}"}, "copier.yml: 'a' is"),
        (
            {"copier.yml": f"_message_after_copy: '{{{{ a.b.c }}}}'\n{COPIER_YML}"},
            "copier.yml: _message_after_copy: 'a' is",
        ),
    ],
)
@pytest.mark.parametrize("url", [BUILTIN_URL, "https://example.org/other.git"])
def test_an_error_in_a_template_names_its_place_and_leaves_nothing(
    make_catalog: MakeCatalog, tmp_path: Path, files: dict[str, str | bytes], said: str, url: str
) -> None:
    root = make_catalog(files)
    with pytest.raises(ScaffoldError) as caught:
        render(tree_of(root, url=url), DEMO, tmp_path / "out")
    assert f"the template is broken: {said}" in caught.value.message
    assert str(tmp_path) not in caught.value.message, "no scratch folder is named"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["catalog"]


def test_an_existing_target_is_refused(make_catalog: MakeCatalog, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(ScaffoldError, match="exists already"):
        render(tree_of(make_catalog()), DEMO, tmp_path / "out")
