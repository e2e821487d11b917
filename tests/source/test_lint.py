from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mlops_scaffold.__main__ import main
from mlops_scaffold.authoring import lint
from mlops_scaffold.source.builtin import builtin_root

from .conftest import ANSWERS_TEMPLATE, CATALOG_YAML, COPIER_YML, QUESTIONS

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import MakeCatalog

PROJECT = "templates/demo/project"
OWN = "templates/demo/questions.yml"
ASK = "\n".join(
    f"demo_q{n}: {{type: str, when: \"{{{{ template == 'demo' }}}}\"}}" for n in range(2)
)


def found(root: Path) -> set[tuple[str, int, str]]:
    return {
        (finding.file, finding.line, finding.rule) for finding in lint.check(root, contract=False)
    }


def test_a_sound_catalog_has_no_findings(make_catalog: MakeCatalog) -> None:
    assert lint.check(make_catalog(), contract=False) == ()


def test_our_own_catalog_has_no_findings() -> None:
    assert lint.check(builtin_root()) == ()


def test_our_own_templates_must_fulfil_the_contract(make_catalog: MakeCatalog) -> None:
    missing = {f.message for f in lint.check(make_catalog(), contract=True) if f.rule == "contract"}
    assert "every template has Dockerfile" in missing
    assert "every template has src" not in missing
    assert "every template has README.md" not in missing


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"copier.yml": f"_tasks: [x]\n{COPIER_YML}"}, ("copier.yml", 1, "unsafe-setting")),
        ({"copier.yml": f"_migrations: []\n{COPIER_YML}"}, ("copier.yml", 1, "unsafe-setting")),
        (
            {"copier.yml": f"_jinja_extensions: [x]\n{COPIER_YML}"},
            ("copier.yml", 1, "unsafe-setting"),
        ),
        (
            {"templates/demo/questions.yml": f"{QUESTIONS}_exclude: [x]\n"},
            ("templates/demo/questions.yml", 15, "included-setting"),
        ),
        (
            {
                "templates/other/questions.yml": "demo_size: 4\n",
                "templates/other/project/x": "",
                "catalog.yaml": CATALOG_YAML.replace("later", "other"),
            },
            ("templates/other/questions.yml", 1, "collision"),
        ),
        (
            {"templates/demo/questions.yml": f"{QUESTIONS}size: 4\n"},
            ("templates/demo/questions.yml", 15, "prefix"),
        ),
        (
            {"templates/demo/questions.yml": f"{QUESTIONS}demo_all: 4\n"},
            ("templates/demo/questions.yml", 15, "asked-everywhere"),
        ),
        (
            {"templates/demo/questions.yml": 'demo_x: {default: "", validator: x, when: false}\n'},
            ("templates/demo/questions.yml", 1, "empty-default"),
        ),
        (
            {"templates/demo/questions.yml": f"{QUESTIONS}{ASK}\n"},
            ("templates/demo/questions.yml", 1, "too-many"),
        ),
        (
            {"copier.yml": COPIER_YML.replace("---", "a: 1\nb: 2\nc: 3\n---")},
            ("templates/demo/questions.yml", 1, "too-many"),
        ),
        ({"templates/unknown/project/x": ""}, ("catalog.yaml", 1, "unlisted")),
        (
            {"templates/demo/proof.yml": "answer_sets:\n  one: {colour: red}\n  two: {nope: 1}\n"},
            ("templates/demo/proof.yml", 3, "answer-set"),
        ),
        (
            {"templates/demo/proof.yml": "answer_sets:\n  one: {package_name: x}\n"},
            ("templates/demo/proof.yml", 2, "answer-set"),
        ),
        (
            {f"{PROJECT}/{{{{ _copier_conf.answers_file }}}}.jinja": None},
            (PROJECT, 1, "no-answers-file"),
        ),
        ({f"{PROJECT}/.gitignore": "x"}, (f"{PROJECT}/.gitignore", 1, "gitignore")),
        ({f"{PROJECT}/git~1/x": ""}, (f"{PROJECT}/git~1", 1, "git-like")),
        ({f"{PROJECT}/aux.c": ""}, (f"{PROJECT}/aux.c", 1, "bad-name")),
        ({"run.sh.jinja": ""}, (f"{PROJECT}/run.sh", 1, "shadowed")),
        ({f"{PROJECT}/run.sh.jinja": ""}, (f"{PROJECT}/run.sh", 1, "shadowed")),
        (
            {f"{PROJECT}/a.jinja": "\n{% include '_shared/x' %}"},
            (f"{PROJECT}/a.jinja", 2, "include"),
        ),
        (
            {f"{PROJECT}/a.jinja": "{%- from '../x' import y %}"},
            (f"{PROJECT}/a.jinja", 1, "include"),
        ),
        ({f"{PROJECT}/a.jinja": "\n\n{{ now() }}"}, (f"{PROJECT}/a.jinja", 3, "unsteady")),
        (
            {f"{PROJECT}/a.jinja": "{{ _copier_conf.src_path }}"},
            (f"{PROJECT}/a.jinja", 1, "unsteady"),
        ),
        ({"templates/_shared/a": "{{ _folder_name }}"}, ("templates/_shared/a", 1, "unsteady")),
        (
            {f"{PROJECT}/pyproject.toml.jinja": '[project]\ndependencies = ["a", "b"]\n'},
            (f"{PROJECT}/pyproject.toml.jinja", 2, "dependencies"),
        ),
        ({"copier.yml": "a: [\n"}, ("copier.yml", 2, "unreadable")),
        ({"copier.yml": "a: 1\na: 2\n"}, ("copier.yml", 2, "unreadable")),
        ({"catalog.yaml": "projects:\n  - {slug: demo}\n"}, ("catalog.yaml", 2, "unreadable")),
        ({"catalog.yaml": None}, ("catalog.yaml", 1, "missing")),
    ],
)
def test_each_trap_is_found_at_its_place(
    make_catalog: MakeCatalog, changes: dict[str, str | None], expected: tuple[str, int, str]
) -> None:
    assert expected in found(make_catalog(changes))


ENVOPS = (
    COPIER_YML.replace("{{", "[[")
    .replace("}}", "]]")
    .replace(
        "---",
        "_envops: {variable_start_string: '[[', variable_end_string: ']]',"
        " block_start_string: '[%', block_end_string: '%]'}\n---",
    )
)


def own(question: str) -> dict[str, str]:
    """A question on line 15 of the template's own."""
    return {OWN: QUESTIONS + question}


def asked(details: str) -> dict[str, str]:
    return own(f"demo_x: {{{details}, when: \"{{{{ template == 'demo' }}}}\"}}\n")


@pytest.mark.parametrize(
    ("changes", "expected", "said"),
    [
        ({f"{PROJECT}/a.jinja": "a\n{% if %}"}, (f"{PROJECT}/a.jinja", 2, "syntax"), "Expected"),
        ({f"{PROJECT}/a.jinja": "{{ x | no }}"}, (f"{PROJECT}/a.jinja", 1, "syntax"), "'no'"),
        ({"templates/_shared/a": "{% for %}"}, ("templates/_shared/a", 1, "syntax"), "xpected"),
        (
            {f"{PROJECT}/{{{{ x": ""},
            (f"{PROJECT}/{{{{ x", 1, "syntax"),
            "its name: unexpected end of template",
        ),
        (
            {f"{PROJECT}/a.jinja": b"a\n\nb \xe9"},
            (f"{PROJECT}/a.jinja", 3, "encoding"),
            "not UTF-8 at byte 5",
        ),
        (asked("type: int, default: many"), (OWN, 15, "default"), "'many'"),
        (asked("type: int, default: 3.7"), (OWN, 15, "default"), "3.7 is not a whole number"),
        (asked("type: bool, default: flase"), (OWN, 15, "default"), "'flase' is not true or"),
        (asked("type: str, choices: [a, b], default: c"), (OWN, 15, "default"), "'c' is not in"),
        (
            asked("default: 3, validator: '{% if demo_x > 2 %}Less.{% endif %}'"),
            (OWN, 15, "default"),
            "Less.",
        ),
        (asked("default: '{{ a.b.c }}'"), (OWN, 15, "default"), "'a' is undefined"),
        (asked("default: '{{ oops'"), (OWN, 15, "syntax"), "(default)"),
        (asked("default: 1, validator: '{% if %}'"), (OWN, 15, "syntax"), "(validator)"),
        (asked("default: a, choices: {'{{ x': a}"), (OWN, 15, "syntax"), "(choices)"),
        (asked("default: '{{ now() }}'"), (OWN, 15, "unsteady"), "(default) `now`"),
        (asked("default: 1, hlep: Size"), (OWN, 15, "unknown-key"), "`hlep`"),
        (
            {"copier.yml": f"_exclude: ['{{% if %}}']\n{COPIER_YML}"},
            ("copier.yml", 1, "syntax"),
            "`_exclude`",
        ),
        (
            {"copier.yml": f"_message_after_copy: '{{{{ _folder_name }}}}'\n{COPIER_YML}"},
            ("copier.yml", 1, "unsteady"),
            "`_message_after_copy`",
        ),
        (
            {f"{PROJECT}/a.jinja": "{{ '$HOME' | expandvars }}"},
            (f"{PROJECT}/a.jinja", 1, "unsteady"),
            "`expandvars`",
        ),
    ],
)
def test_what_would_fail_in_a_render_is_found_by_lint(
    make_catalog: MakeCatalog,
    changes: dict[str, str | bytes],
    expected: tuple[str, int, str],
    said: str,
) -> None:
    findings = lint.check(make_catalog(changes), contract=False)
    there = [f.message for f in findings if (f.file, f.line, f.rule) == expected]
    assert any(said in message for message in there), findings


@pytest.mark.parametrize(
    "text",
    [
        "{# {{ now() }} #}",
        "{% raw %}{% include 'nowhere' %}{% endraw %}",
        "{% include 'templates/_shared/maybe' ignore missing %}",
        "{% set now = 1 %}{{ project_name }}",
    ],
)
def test_harmless_jinja_is_not_reported(make_catalog: MakeCatalog, text: str) -> None:
    assert found(make_catalog({f"{PROJECT}/a.jinja": text})) == set()


def test_custom_delimiters_are_used(make_catalog: MakeCatalog) -> None:
    question = "demo_size: {default: 3, when: \"[[ template == 'demo' ]]\"}\n"
    files: dict[str, str | None] = {
        "copier.yml": ENVOPS,
        OWN: question,
        f"{PROJECT}/README.md.jinja": "{{ not.ours }} [% if true %][[ demo_size ]][% endif %]\n",
        f"{PROJECT}/src/{{{{ package_name }}}}/__init__.py": None,
        f"{PROJECT}/{{{{ _copier_conf.answers_file }}}}.jinja": None,
        f"{PROJECT}/[[ _copier_conf.answers_file ]].jinja": "[[ _copier_answers | to_nice_yaml ]]",
    }
    assert found(make_catalog(files)) == set()
    files[f"{PROJECT}/bad.jinja"] = "\n[% if %]"
    files[f"{PROJECT}/unsteady.jinja"] = "[[ now() ]]"
    assert found(make_catalog(files)) == {
        (f"{PROJECT}/bad.jinja", 2, "syntax"),
        (f"{PROJECT}/unsteady.jinja", 1, "unsteady"),
    }


def test_constant_expressions_are_not_evaluated(make_catalog: MakeCatalog) -> None:
    """Constant expressions too would take for ever, or all memory."""
    root = make_catalog({f"{PROJECT}/a.jinja": "{{ 9 ** 9 ** 9 }}{{ 'x' * 10 ** 11 }}"})
    assert found(root) == set()


def test_a_copier_template_of_its_own_is_checked(tmp_path: Path) -> None:
    (tmp_path / "copier.yml").write_text("_subdirectory: src\nsize: {type: int, default: many}\n")
    (tmp_path / "src").mkdir()
    (tmp_path / "src/a.txt.jinja").write_text("\n{% if %}")
    (tmp_path / "outside.jinja").write_text("{% if %}")
    assert found(tmp_path) == {("copier.yml", 2, "default"), ("src/a.txt.jinja", 2, "syntax")}


def test_with_unsafe_settings_copier_is_not_set_up(make_catalog: MakeCatalog) -> None:
    settings = "_jinja_extensions: [evil.Extension]\n"
    root = make_catalog({"copier.yml": settings + COPIER_YML, f"{PROJECT}/a.jinja": "{% if %}"})
    assert found(root) == {("copier.yml", 1, "unsafe-setting")}


def test_a_link_is_found(make_catalog: MakeCatalog) -> None:
    root = make_catalog()
    (root / PROJECT / "link").symlink_to("/etc")
    assert (f"{PROJECT}/link", 1, "link") in found(root)


def test_the_answers_file_is_not_reported(make_catalog: MakeCatalog) -> None:
    assert "_copier_answers" in ANSWERS_TEMPLATE
    assert found(make_catalog({"templates/_shared/answers.yml": ANSWERS_TEMPLATE})) == set()


def test_the_command_prints_file_line_rule_and_fix(
    make_catalog: MakeCatalog, capsys: pytest.CaptureFixture[str]
) -> None:
    root = make_catalog({f"{PROJECT}/.gitignore": "x"})
    assert main(["catalog", "lint", str(root)]) == 1
    out = capsys.readouterr().out
    assert f"{PROJECT}/.gitignore:1: gitignore: " in out
    assert "fix: name it .gitignore.jinja" in out
    assert main(["catalog", "lint", str(root), "--json"]) == 1
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert finding["rule"] == "gitignore"
    (root / PROJECT / ".gitignore").unlink()
    assert main(["catalog", "lint", str(root)]) == 0
