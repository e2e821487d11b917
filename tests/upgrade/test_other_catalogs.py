"""Upgrades from external catalogs: renamed projects, catalogs that moved, unreleased versions."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from mlops_scaffold.__main__ import main
from tests.upgrade.support import git, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FILES = {
    "CHANGELOG.md": "# Changelog\n\n## 1.0.0\n\n- The start.\n",
    "catalog.yaml": "projects:\n  - {slug: svc, title: A service, level: beginner}\n",
    "copier.yml": (
        '_subdirectory: "templates/{{ template }}/project"\n'
        "template: {type: str}\n"
        'project_name: {type: str, default: "{{ template }}"}\n'
        "---\n!include templates/*/questions.yml\n"
    ),
    "templates/svc/questions.yml": (
        "svc_db:\n  type: str\n  choices: [postgres, mysql]\n  default: postgres\n"
        "  when: \"{{ template == 'svc' }}\"\n"
    ),
    "templates/svc/project/{{ _copier_conf.answers_file }}.jinja": (
        "{{ _copier_answers | to_nice_yaml -}}\n"
    ),
    "templates/svc/project/README.md.jinja": "# {{ project_name }} on {{ svc_db }}\n",
    "templates/svc/project/file.txt": "".join(f"line {n}\n" for n in range(9)),
}


@pytest.fixture(autouse=True)
def _own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("MLOPS_SCAFFOLD_CONFIG_DIR", str(home / "config"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / ".gitconfig"))
    (home / ".gitconfig").write_text("[user]\n name = T\n email = t@example.org\n")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    root = tmp_path / "catalog"
    write(root, FILES)
    git(root, "init", "-q", "-b", "main")
    release(root, "v1.0.0")
    return root


def release(root: Path, tag: str = "") -> None:
    git(root, "add", "-fA")
    git(root, "commit", "-qm", tag or "more", "--allow-empty")
    if tag:
        git(root, "tag", tag)


def rename(root: Path, old: str, new: str, *, map_it: bool = True) -> None:
    """Rename a project of the catalog, and say so."""
    (root / f"templates/{old}").rename(root / f"templates/{new}")
    for path in (p for p in root.rglob("*") if p.is_file() and ".git" not in p.parts):
        text = path.read_text().replace(f"{old}_", new.replace("-", "_") + "_")
        path.write_text(text.replace(old, new))
    if map_it:
        with (root / "catalog.yaml").open("a") as file:
            file.write(f"renamed: {{{old}: {new}}}\n")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    def call(*args: str | Path) -> tuple[int, str]:
        code = main([str(arg) for arg in args])
        captured = capsys.readouterr()
        return code, " ".join((captured.out + captured.err).split())  # it may be wrapped

    return call


@pytest.fixture
def app(run: Callable[..., tuple[int, str]], catalog: Path, tmp_path: Path) -> Path:
    """A project of 1.0.0, edited by its owner."""
    made = run("new", "--catalog", catalog, "svc", "app", "-y", "-d", "db=mysql")
    assert made[0] == 0, made
    write(tmp_path / "app", {"file.txt": FILES["templates/svc/project/file.txt"] + "mine\n"})
    git(tmp_path / "app", "commit", "-qam", "Mine")
    return tmp_path / "app"


def recorded(project: Path) -> str:
    return (project / ".copier-answers.yml").read_text()


def improve(root: Path) -> None:
    file = root / "templates/svc/project/file.txt"
    file.write_text(file.read_text().replace("line 0", "line 0, better"))


def test_a_project_that_was_renamed_goes_on_under_its_new_name(
    run: Callable[..., tuple[int, str]], catalog: Path, app: Path
) -> None:
    improve(catalog)
    rename(catalog, "svc", "service")
    release(catalog, "v2.0.0")
    code, said = run("upgrade", app, "-y", "--commit")
    assert code == 0, said
    text = (app / "file.txt").read_text()
    assert "line 0, better" in text
    assert text.endswith("mine\n")
    assert "service_db: mysql" in recorded(app)
    assert "template: service" in recorded(app)
    assert "svc" not in recorded(app)
    code, said = run("new", "--catalog", catalog, "svc", "other", "-y")
    assert (code, "Made other from service 2.0.0" in said) == (0, True), said


def test_renames_may_follow_one_another(
    run: Callable[..., tuple[int, str]], catalog: Path, app: Path
) -> None:
    rename(catalog, "svc", "service", map_it=False)
    rename(catalog, "service", "backend", map_it=False)
    with (catalog / "catalog.yaml").open("a") as file:
        file.write("renamed: {svc: service, service: backend}\n")
    release(catalog, "v2.0.0")
    code, said = run("upgrade", app, "-y")
    assert code == 0, said
    assert "backend_db: mysql" in recorded(app)


def test_a_project_that_is_gone_is_named_with_what_there_is(
    run: Callable[..., tuple[int, str]], catalog: Path, app: Path
) -> None:
    rename(catalog, "svc", "service", map_it=False)
    release(catalog, "v2.0.0")
    before = recorded(app)
    code, said = run("upgrade", app, "-y")
    assert code == 1
    assert "the catalog has no 'svc' at 2.0.0" in said
    assert "there is service" in said
    assert "renamed: {svc: NEW}" in said
    assert recorded(app) == before


@pytest.mark.parametrize(
    ("renamed", "said"),
    [
        ("{old: nothing}", "renamed.old: 'nothing' is not known"),
        ("{svc: svc}", "renamed.svc: it is still a project"),
        ("{a: b, b: a}", "go round in a circle"),
        ("{a: [b]}", "renamed.a: expected some text"),
        ("[svc]", "renamed: expected a mapping"),
    ],
)
def test_a_map_of_renames_that_leads_nowhere_is_refused(
    run: Callable[..., tuple[int, str]], catalog: Path, renamed: str, said: str
) -> None:
    write(catalog, {"catalog.yaml": f"{FILES['catalog.yaml']}renamed: {renamed}\n"})
    code, output = run("list", "--catalog", catalog, "--json")
    assert code == 0, "1.0.0 is as it was"
    release(catalog, "v2.0.0")
    code, output = run("list", "--catalog", catalog)
    assert (code, said in output) == (1, True), output


def test_a_catalog_that_moved_is_followed(
    run: Callable[..., tuple[int, str]], catalog: Path, app: Path, tmp_path: Path
) -> None:
    moved = tmp_path / "new-place"
    shutil.move(catalog, moved)
    for verb in ("status", "diff", "upgrade"):
        code, said = run(verb, app)
        assert code == 1, said
        assert ".copier-answers.yml" in said
        assert "upgrade --catalog NEW" in said
    code, said = run("upgrade", app, "--catalog", moved, "-y", "--commit")
    assert code == 0, said
    assert f"_src_path: {moved}\n" in recorded(app)
    assert "_commit: v1.0.0\n" in recorded(app)
    assert git(app, "status", "--porcelain") == b""
    improve(moved)
    release(moved, "v1.1.0")
    assert run("upgrade", app, "-y")[0] == 0
    assert "line 0, better" in (app / "file.txt").read_text()


def test_a_move_and_a_new_version_are_one_upgrade(
    run: Callable[..., tuple[int, str]], catalog: Path, app: Path, tmp_path: Path
) -> None:
    improve(catalog)
    release(catalog, "v1.1.0")
    git(tmp_path, "clone", "-q", str(catalog), "mirror")
    shutil.rmtree(catalog)
    code, said = run("upgrade", app, "--catalog", f"file://{tmp_path}/mirror", "-y")
    assert code == 0, said
    assert f"_src_path: file://{tmp_path}/mirror\n" in recorded(app)
    assert (app / "file.txt").read_text().startswith("line 0, better\n")


def test_a_catalog_that_takes_over_needs_the_old_one_for_the_recorded_version(
    run: Callable[..., tuple[int, str]], catalog: Path, app: Path, tmp_path: Path
) -> None:
    successor = tmp_path / "successor"
    shutil.copytree(catalog, successor)
    git(successor, "tag", "-d", "v1.0.0")
    improve(successor)
    release(successor, "v3.0.0")
    assert run("upgrade", app, "--catalog", successor, "-y", "--commit")[0] == 0
    assert "_commit: v3.0.0" in recorded(app)
    assert (app / "file.txt").read_text().endswith("mine\n")


def test_a_project_of_a_commit_goes_on_to_the_next_release(
    run: Callable[..., tuple[int, str]], catalog: Path, tmp_path: Path
) -> None:
    improve(catalog)
    release(catalog)
    code, said = run("new", "--catalog", catalog, "svc", "app", "-y", "--version", "HEAD")
    assert code == 0, said
    assert "not a released version" in said
    found = re.search(r"_commit: (v1\.0\.0-1-g[0-9a-f]+)\n", recorded(tmp_path / "app"))
    assert found, "as `git describe`, and so Copier, names it"
    code, said = run("status", "app", "--json")
    (status,) = json.loads(said)["projects"]
    assert (status["newest"], status["update_available"]) == (status["version"], False)
    write(catalog, {"templates/svc/project/new.txt": "new\n"})
    release(catalog, "v1.1.0")
    assert run("upgrade", "app", "-y")[0] == 0
    assert (tmp_path / "app/new.txt").exists()
    assert "_commit: v1.1.0" in recorded(tmp_path / "app")


def test_a_catalog_without_tags_is_warned_of_and_can_be_followed(
    run: Callable[..., tuple[int, str]], catalog: Path, tmp_path: Path
) -> None:
    git(catalog, "tag", "-d", "v1.0.0")
    code, said = run("new", "--catalog", catalog, "svc", "app", "-y")
    assert (code, "has no version tags" in said) == (0, True), said
    code, said = run("new", "--catalog", catalog, "svc", "two", "-y", "--json")
    assert "has no version tags" in json.loads(said)["notes"][0]
    improve(catalog)
    release(catalog)
    assert run("upgrade", "app", "-y")[0] == 0
    assert "line 0, better" in (tmp_path / "app/file.txt").read_text()


def test_a_history_that_was_rewritten_is_told(
    run: Callable[..., tuple[int, str]], catalog: Path
) -> None:
    git(catalog, "tag", "-d", "v1.0.0")
    assert run("new", "--catalog", f"file://{catalog}", "svc", "app", "-y")[0] == 0
    git(catalog, "commit", "-q", "--amend", "-m", "Another", "--date=@1 +0000")
    git(catalog, "reflog", "expire", "--expire=now", "--all")
    code, said = run("upgrade", "app", "-y")
    assert code == 1
    assert ".copier-answers.yml" in said
    assert "not a version, branch or commit" in said


def test_a_catalog_is_saved_only_if_something_can_be_made_from_it(
    run: Callable[..., tuple[int, str]], catalog: Path
) -> None:
    def add(files: dict[str, Any], tag: str) -> tuple[int, str]:
        write(catalog, files)
        release(catalog, tag)
        result = run("catalog", "add", "ours", catalog)
        run("catalog", "remove", "ours")
        write(catalog, {**FILES, **{name: None for name in files if name not in FILES}})
        return result

    assert add({}, "v1.0.1")[0] == 0
    broken = {
        "copier.yml": f"_tasks: [id]\n{FILES['copier.yml']}",
        "templates/svc/project/README.md.jinja": "{% if %}",
        "templates/svc/questions.yml": "svc_db: [1, 2\n",
        "templates/svc/project/{{ '../x' }}": "x",
    }
    for number, (name, content) in enumerate(broken.items()):
        code, said = add({name: content}, f"v2.{number}.0")
        assert code != 0, (name, said)
        assert "/tmp" not in said.replace(str(catalog), ""), said  # noqa: S108  # is what is meant
    asks = {"templates/svc/questions.yml": "svc_db: {type: str, validator: '{{ 1 / 0 }}'}\n"}
    assert add(asks, "v2.9.0")[0] == 0, "a person can answer that"
    two = f"{FILES['catalog.yaml']}  - {{slug: bad, title: Bad, level: expert}}\n"
    code, said = add(
        {"catalog.yaml": two, "templates/bad/project/x.jinja": "{{ 1 / 0 }}"}, "v3.0.0"
    )
    assert (code, "bad can't be made" in said) == (0, True), said


def test_a_catalog_in_a_folder_of_a_repository_is_upgraded(
    run: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    mono = tmp_path / "mono"
    write(mono, {f"templates/ml/{name}": text for name, text in FILES.items()})
    git(mono, "init", "-q", "-b", "main")
    release(mono, "v1.0.0")
    spec = f"file://{mono}#subdir=templates/ml"
    assert run("new", "--catalog", spec, "svc", "app", "-y")[0] == 0
    assert f"_src_path: {spec}\n" in recorded(tmp_path / "app")
    improve(mono / "templates/ml")
    release(mono, "v1.1.0")
    assert run("upgrade", "app", "-y")[0] == 0
    assert "line 0, better" in (tmp_path / "app/file.txt").read_text()


@pytest.mark.parametrize(
    "question",
    ["", 'project_name: {type: str, default: "{{ template }}", when: false}\n', "name: Ada\n"],
)
def test_a_catalog_that_does_not_ask_for_a_name_is_used_with_and_without_a_folder(
    run: Callable[..., tuple[int, str]], catalog: Path, tmp_path: Path, question: str
) -> None:
    copier_yml = FILES["copier.yml"].replace(
        'project_name: {type: str, default: "{{ template }}"}\n', question
    )
    readme = {"templates/svc/project/README.md.jinja": "# {{ template }} on {{ svc_db }}\n"}
    write(catalog, {"copier.yml": copier_yml, **readme})
    release(catalog, "v1.1.0")
    for folder in ("My App", "tests", "deep/json", None):
        args = [folder] if folder else []
        code, said = run("new", "--catalog", catalog, "svc", *args, "-y")
        assert code == 0, said
        assert (tmp_path / (folder or "svc") / "README.md").read_text() == "# svc on postgres\n"
    code, said = run("new", "--catalog", catalog, "svc", "other", "-y", "-d", "project_name=x")
    assert code == 2, said
    improve(catalog)
    release(catalog, "v1.2.0")
    assert run("upgrade", "tests", "-y")[0] == 0
    assert (tmp_path / "tests/file.txt").read_text().startswith("line 0, better")
