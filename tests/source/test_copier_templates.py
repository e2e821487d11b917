"""Any Copier template is a catalog of one: what Copier makes of it, ours makes, or refuses it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import yaml

from mlops_scaffold.__main__ import main
from mlops_scaffold.catalog import contents as template_contents
from mlops_scaffold.catalog import copier_yml
from mlops_scaffold.errors import ScaffoldError
from mlops_scaffold.render import engine
from mlops_scaffold.render.job import RenderJob
from mlops_scaffold.source.opening import open_source

from .conftest import commit_all, contents, git, write_files

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Run = Callable[..., tuple[int, str]]

ANSWERS = {"{{ _copier_conf.answers_file }}.jinja": "{{ _copier_answers|to_nice_yaml -}}\n"}
PLAIN: Mapping[str, str] = {
    **ANSWERS,
    "copier.yml": "name: World\nloud:\n  type: bool\n  default: false\n",
    "README.md": "The template's own.\n",
    "hello.txt.jinja": "Hello {{ name }}{% if loud %}!{% endif %}\n",
    "{% if loud %}horn.txt{% endif %}.jinja": "toot\n",
    "run.sh": "#!/bin/sh\n",
}


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COPIER_CACHE_DIR", str(tmp_path / "copier-cache"))
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "T")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "t@example.org")

    def call(*args: str | Path) -> tuple[int, str]:
        code = main([str(arg) for arg in args])
        captured = capsys.readouterr()
        return code, " ".join((captured.out + captured.err).split())  # it may be wrapped

    return call


@pytest.fixture
def make_template(tmp_path: Path) -> Callable[..., Path]:
    def make(files: Mapping[str, str], name: str = "my-template", tag: str = "v1.0.0") -> Path:
        root = tmp_path / name
        write_files(root, files)
        commit_all(root, tag)
        return root

    return make


def copier(cwd: Path, *args: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "copier", *args, "--defaults"],
        cwd=cwd,
        env={**os.environ, "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_a_template_is_listed_shown_and_made(
    run: Run, make_template: Callable[..., Path], tmp_path: Path
) -> None:
    root = make_template(PLAIN)
    spec = f"file://{root}"
    code, said = run("list", "--catalog", spec)
    assert (code, "my-template" in said, "my template" in said) == (0, True, True), said
    code, said = run("show", "my-template", "--catalog", spec)
    assert code == 0, said
    for part in ("hello.txt", "run.sh", "name", "[World]", "loud", "new my-template"):
        assert part in said, part
    code, said = run("new", "my-template", "--catalog", spec, "app", "-y", "-d", "loud=true")
    assert code == 0, said
    assert (tmp_path / "app/hello.txt").read_text() == "Hello World!\n"
    assert (tmp_path / "app/horn.txt").exists()
    recorded = yaml.safe_load((tmp_path / "app/.copier-answers.yml").read_text())
    assert recorded == {"_commit": "v1.0.0", "_src_path": spec, "loud": True, "name": "World"}
    assert git(tmp_path / "app", "status", "--porcelain") == ""


def test_the_one_project_of_a_template_needs_no_name(
    run: Run, make_template: Callable[..., Path], tmp_path: Path
) -> None:
    root = make_template(PLAIN, name="2024_Template.git")
    code, said = run("new", "--catalog", root, "-y")
    assert code == 0, said
    assert (tmp_path / "template-2024-template/hello.txt").exists()
    code, said = run("new", "other", "--catalog", root, "-y")
    assert (code, "called template-2024-template" in said) == (2, True), said
    code, said = run("catalog", "add", "theirs", root, "--json")
    assert json.loads(said)["projects"] == ["template-2024-template"]


def test_a_project_that_copier_made_is_upgraded_as_it_is(
    run: Run, make_template: Callable[..., Path], tmp_path: Path
) -> None:
    root = make_template(PLAIN)
    copier(tmp_path, "copy", "--data", "name=Ada", str(root), "app")
    app = tmp_path / "app"
    git(app, "init", "-q", "-b", "main")
    write_files(app, {"run.sh": "#!/bin/sh\necho mine\n", "mine.txt": "mine\n"})
    commit_all(app, "start")
    make_template({"hello.txt.jinja": "Welcome {{ name }}\n", "new.txt": "new\n"}, tag="v1.1.0")
    code, said = run("status", "app", "--json")
    (status,) = json.loads(said)["projects"]
    assert (status["version"], status["newest"]) == ("1.0.0", "1.1.0")
    assert (status["edited"], status["added"]) == (["run.sh"], ["mine.txt"])
    code, said = run("upgrade", "app", "-y", "--commit")
    assert code == 0, said
    assert (app / "hello.txt").read_text() == "Welcome Ada\n"
    assert (app / "new.txt").exists()
    assert (app / "run.sh").read_text().endswith("mine\n")
    recorded = yaml.safe_load((app / ".copier-answers.yml").read_text())
    assert recorded["_commit"] == "v1.1.0"
    make_template({"new.txt": "newer\n"}, tag="v1.2.0")
    copier(app, "update")
    assert (app / "new.txt").read_text() == "newer\n", "and Copier goes on from there"


KINDS: Mapping[str, Mapping[str, str]] = {
    "no subdirectory": PLAIN,
    "no configuration of its own but the file": {**ANSWERS, "copier.yml": "", "a.txt": "a\n"},
    "aliases and merge keys": {
        **ANSWERS,
        "copier.yml": (
            "zero: &text {type: str, default: one}\nfirst:\n  <<: *text\nsecond:\n  <<: *text\n"
            "  default: two\nthird: &list [a, b]\nfourth:\n  type: yaml\n  default: *list\n"
        ),
        "out.txt.jinja": "{{ zero }} {{ first }} {{ second }} {{ third }} {{ fourth }}\n",
    },
    "includes within includes": {
        **ANSWERS,
        "copier.yml": "first: 1\n---\n!include parts/*.yml\n",
        "parts/one.yml": "second: 2\n---\n!include more/two.yaml\n",
        "more/two.yaml": "third: '{{ first + second }}'\n",
        "out.txt.jinja": "{{ first }} {{ second }} {{ third }}\n",
    },
    "choices of every form": {
        **ANSWERS,
        "copier.yml": (
            "plain: {type: str, choices: [a, b], default: b}\n"
            "named: {type: str, choices: {The A: a, The B: b}, default: a}\n"
            "pairs: {type: int, choices: [[one, 1], [two, 2]], default: 2}\n"
            "checked:\n  type: str\n  default: y\n  choices:\n"
            "    X: {value: x, validator: 'not now'}\n    Y: {value: y}\n"
            "computed: {type: str, choices: '{{ [plain, named] | to_json }}', default: b}\n"
            "several: {type: str, multiselect: true, choices: [a, b, c], default: [a, c]}\n"
            "numbers: {type: float, choices: [1.0, 2.5], default: 2.5}\n"
        ),
        "out.txt.jinja": (
            "{{ plain }} {{ named }} {{ pairs }} {{ checked }} {{ computed }} {{ several }}"
            " {{ numbers }}\n"
        ),
    },
    "conditions, secrets and decorations": {
        **ANSWERS,
        "copier.yml": (
            "_secret_questions: [token]\n"
            "use: {type: bool, default: 'yes'}\n"
            "which: {type: str, default: x, when: '{{ use }}', placeholder: 'like x', qmark: '>'}\n"
            "not_asked: {type: str, default: y, when: '{{ not use }}'}\n"
            "never: {type: str, default: '{{ which }}!', when: false}\n"
            "token: {type: str, default: t0}\n"
            "password: {type: str, secret: true, default: p0}\n"
            "text:\n  {type: str, multiline: '{{ use }}', default: \"a\\nb\", help: T}\n"
            "data: {type: yaml, default: {a: [1, 2]}}\n"
            "more: {type: json, default: '[1, {\"b\": null}]'}\n"
            "where: {type: path, default: a/b}\n"
        ),
        "out.txt.jinja": (
            "{{ which }} {{ not_asked }} {{ never }} {{ token }} {{ password }} {{ text }}"
            " {{ data }} {{ more }} {{ where }}\n"
        ),
    },
    "a subdirectory by answer": {
        "copier.yml": "_subdirectory: 'kinds/{{ kind }}'\nkind: {type: str, default: lib}\n",
        **{f"kinds/lib/{name}": text for name, text in ANSWERS.items()},
        "kinds/lib/lib.txt.jinja": "{{ kind }}\n",
        "kinds/app/app.txt": "app\n",
    },
    "another suffix, delimiters and exclusions": {
        "copier.yml": (
            "_templates_suffix: .tmpl\n_exclude: [copier.yml, '*.bak', '.git', '[[ drop ]]']\n"
            "_envops: {variable_start_string: '[[', variable_end_string: ']]',"
            " block_start_string: '[%', block_end_string: '%]', keep_trailing_newline: false}\n"
            "drop: dropped.txt\nname: World\n"
        ),
        "[[ _copier_conf.answers_file ]].tmpl": "[[ _copier_answers|to_nice_yaml -]]\n",
        "hello.txt.tmpl": "Hello [[ name ]], {{ not this }}\n",
        "x.jinja": "{{ stays }}\n",
        "y.bak": "",
        "dropped.txt": "",
    },
    "no suffix at all": {
        **{name.removesuffix(".jinja"): text for name, text in ANSWERS.items()},
        "copier.yml": "_templates_suffix: ''\nname: World\n",
        "hello.txt": "Hello {{ name }}\n",
    },
    "its origin in its files": {
        **ANSWERS,
        "copier.yml": "name: '{{ _folder_name }}'\n",
        "about.md.jinja": (
            "{{ name }} of {{ _copier_answers._src_path }} at {{ _copier_answers._commit }},"
            " {{ _src_path }}, {{ _copier_conf.answers_file }}, {{ _folder_name }}\n"
        ),
    },
    "an answers file by another name": {
        **ANSWERS,
        "copier.yml": "_answers_file: .copier-answers.mine.yaml\nname: World\n",
        "hello.txt.jinja": "Hello {{ name }} of {{ _copier_conf.answers_file }}\n",
    },
    "an answers file named by an answer": {
        **ANSWERS,
        "copier.yml": "_answers_file: '.answers-{{ name }}.yml'\nname: w\n",
    },
    "macros and loops in names": {
        **ANSWERS,
        "copier.yml": "_exclude: [copier.yml, macros]\nnames: {type: yaml, default: [a, b]}\n",
        "macros/greet.jinja": "{% macro greet(x) %}Hi {{ x }}{% endmacro %}",
        "{% yield each from names %}{{ each }}.txt{% endyield %}.jinja": (
            "{% from 'macros/greet.jinja' import greet %}{{ greet(each) }}\n"
        ),
    },
    "questions by names that mean something to us": {
        **ANSWERS,
        "copier.yml": (
            "template: {type: str, choices: [big, small], default: small}\n"
            "project_name: {type: str, default: My Fine Project}\n"
        ),
        "out.txt.jinja": "{{ template }} {{ project_name }}\n",
    },
}


@pytest.mark.parametrize("kind", KINDS)
def test_ours_makes_what_copier_makes(
    run: Run, make_template: Callable[..., Path], tmp_path: Path, kind: str
) -> None:
    root = make_template(KINDS[kind])
    (tmp_path / "theirs").mkdir()
    copier(tmp_path / "theirs", "copy", f"git+file://{root}", "app")
    code, said = run("new", "--catalog", f"git+file://{root}", "my-template", "ours/app", "-y")
    assert code == 0, said
    theirs, ours = contents(tmp_path / "theirs/app"), contents(tmp_path / "ours/app")
    for name in [name for name in theirs if "answers" in name]:
        assert name in ours
        mine, its = (yaml.safe_load(found.pop(name)[1]) for found in (ours, theirs))
        assert mine == its
    assert {name: data for name, (_, data) in ours.items() if "answers" not in name} == {
        name: data for name, (_, data) in theirs.items()
    }


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("_tasks: [git init, [uv, sync], {command: make x}]", "`git init`, `uv sync`, `make x`"),
        ("_tasks:\n  - a\n  - b\n  - c\n  - d\n", "`a`, `b`, `c` and 1 more"),
        ("_migrations: [{version: v2, before: [one], after: [[two, 2]]}]", "`one`, `two 2`"),
        ("_jinja_extensions: [some.Extension]", "loads Python code .* `some.Extension`"),
        ("_external_data: {parent: other.yml}", "reads files .* `other.yml`"),
        ("_preserve_symlinks: true", "links could lead out"),
        ("_something_new: 1", "not known here"),
    ],
)
def test_what_needs_code_to_run_is_refused_by_its_line(
    run: Run, make_template: Callable[..., Path], tmp_path: Path, setting: str, said: str
) -> None:
    root = make_template({**PLAIN, "copier.yml": f"name: x\n\n{setting}\n"})
    place = rf"copier\.yml, line 3: {setting.partition(':')[0]}: refused: .*{said}"
    with pytest.raises(ScaffoldError, match=place), open_source(str(root)).tree() as tree:
        copier_yml.questions(tree.root)
    code, _ = run("new", "--catalog", root, "my-template", "app", "-y")
    assert code == 1
    assert not (tmp_path / "app").exists()


@pytest.mark.parametrize("setting", ["_tasks: []", "_migrations: []", "_jinja_extensions: []"])
def test_a_setting_that_asks_for_nothing_is_no_reason_to_refuse(
    run: Run, make_template: Callable[..., Path], setting: str
) -> None:
    root = make_template({**PLAIN, "copier.yml": f"{setting}\n{PLAIN['copier.yml']}"})
    code, said = run("new", "--catalog", root, "my-template", "app", "-y")
    assert code == 0, said


@pytest.mark.parametrize(
    ("answers_file", "said"),
    [
        ("../outside.yml", "line 1: _answers_file: refused"),
        ("/tmp/outside.yml", "line 1: _answers_file: refused"),  # noqa: S108  # is what is meant
        (".git/config", "git's own folder"),
        ("{{ '..' }}/x", "leaves the folder"),
    ],
)
def test_an_answers_file_stays_in_the_project(
    run: Run, make_template: Callable[..., Path], tmp_path: Path, answers_file: str, said: str
) -> None:
    files = {"copier.yml": f'_answers_file: "{answers_file}"\n', "x.txt": ""}
    root = make_template(files)
    code, output = run("new", "--catalog", root, "my-template", "deep/er/app", "-y")
    assert (code, said in output) == (1, True), output
    assert not (tmp_path / "deep").exists()


def test_a_folder_or_working_tree_is_a_template_without_what_git_ignores(
    run: Run, tmp_path: Path
) -> None:
    root = tmp_path / "my-template"
    junk = {"__pycache__/x.pyc": "", "node_modules/x.js": "", "secret.env": "S=1\n"}
    write_files(root, {**PLAIN, **junk, ".gitignore": "node_modules\n*.env\n"})
    code, said = run("new", "--catalog", root, "my-template", "plain", "-y")
    assert (code, "folder without versions" in said) == (0, True), said
    assert (tmp_path / "plain/secret.env").exists(), "nothing says what is ignored"
    assert not (tmp_path / "plain/__pycache__").exists()
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "copier.yml")
    git(root, "commit", "-q", "-m", "Start")
    code, said = run("new", "--catalog", root, "my-template", "edited", "-y")
    assert (code, "working tree" in said) == (0, True), said
    made = {path.name for path in (tmp_path / "edited").iterdir()} - {".git"}
    assert made == {"README.md", "hello.txt", "run.sh", ".gitignore", ".copier-answers.yml"}


def test_questions_of_a_template_are_read_without_running_it(tmp_path: Path) -> None:
    write_files(tmp_path, KINDS["choices of every form"])
    found = {question.key: question for question in template_contents.questions(tmp_path, "")}
    assert found["named"].choices == ("a", "b")
    assert found["pairs"].choices == ("1", "2")
    assert found["checked"].choices == ("x", "y")
    write_files(tmp_path, KINDS["questions by names that mean something to us"])
    keys = [question.short for question in template_contents.questions(tmp_path, "")]
    assert keys == ["template", "project_name"]


def test_a_repository_that_is_neither_says_what_it_lacks(
    run: Run, make_template: Callable[..., Path]
) -> None:
    root = make_template({"README.md": "x\n"}, name="something")
    code, said = run("new", "--catalog", f"file://{root}", "something", "-y")
    assert code == 1
    assert "something is not a catalog: it has neither catalog.yaml nor copier.yml" in said


@pytest.mark.parametrize("kind", ["an answers file by another name", "its origin in its files"])
def test_what_a_template_is_told_stays_the_same_in_an_upgrade(
    run: Run, make_template: Callable[..., Path], tmp_path: Path, kind: str
) -> None:
    root = make_template(KINDS[kind])
    copier(tmp_path, "copy", f"git+file://{root}", "some-app")
    app = tmp_path / "some-app"
    commit_all(app, "start")
    _, said = run("status", app, "--json")
    (status,) = json.loads(said)["projects"]
    assert (status["edited"], status["deleted"], status["added"]) == ([], [], [])
    make_template({"new.txt.jinja": "{{ name }} in {{ _folder_name }}\n"}, tag="v1.1.0")
    assert run("upgrade", app, "-y", "--commit")[0] == 0
    (answers_file,) = (name for name in contents(app) if "answers" in name)
    assert yaml.safe_load((app / answers_file).read_text())["_commit"] == "v1.1.0"
    assert (app / "new.txt").read_text().endswith("in some-app\n")
    assert run("status", app, "--check")[0] == 0


def test_an_answer_by_the_name_template_can_be_changed(
    run: Run, make_template: Callable[..., Path], tmp_path: Path
) -> None:
    root = make_template(KINDS["questions by names that mean something to us"])
    assert run("new", "--catalog", root, "my-template", "app", "-y", "-d", "template=big")[0] == 0
    code, said = run("upgrade", "app", "-y", "-d", "template=small", "-d", "project_name=A B")
    assert code == 0, said
    assert (tmp_path / "app/out.txt").read_text() == "small A B\n"


def test_of_several_answers_files_one_has_to_be_named(
    run: Run, make_template: Callable[..., Path], tmp_path: Path
) -> None:
    root = make_template(KINDS["an answers file by another name"])
    assert run("new", "--catalog", root, "my-template", "app", "-y")[0] == 0
    other = (tmp_path / "app/.copier-answers.mine.yaml").read_text()
    (tmp_path / "app/.copier-answers.other.yml").write_text(other)
    code, said = run("status", "app")
    assert (code, "--answers-file .copier-answers.mine.yaml" in said) == (1, True), said


def test_what_is_compiled_for_one_template_is_not_taken_for_another(tmp_path: Path) -> None:
    for end, made in (("#}", "b -}\n"), ("-}", "\n")):
        root = tmp_path / f"template-{end}"
        config = f"_envops: {{comment_end_string: '{end}'}}\nname: x\n"
        write_files(root, {"copier.yml": config, "out.txt.jinja": "{# a #}b -}\n"})
        engine.render_here(RenderJob(root, tmp_path / f"out-{end}", {}, {}))
        assert (tmp_path / f"out-{end}/out.txt").read_text() == made
