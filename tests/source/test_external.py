"""Other people's catalogs: what they may be, and everything they may not do."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlops_scaffold.catalog.loading import load
from mlops_scaffold.errors import ScaffoldError, UsageError
from mlops_scaffold.render import sandbox
from mlops_scaffold.render.render import render
from mlops_scaffold.source import location
from mlops_scaffold.source.base import parse_version
from mlops_scaffold.source.opening import open_source

from .conftest import COPIER_YML, QUESTIONS, commit_all, contents, git

if TYPE_CHECKING:
    from .conftest import MakeCatalog

DEMO = {"template": "demo"}
PROJECT = "templates/demo/project"


def render_from(spec: str | Path, out: Path) -> dict[str, object]:
    with open_source(str(spec)).tree() as tree:
        assert not tree.trusted
        return dict(render(tree, DEMO, out).answers)


def refused(root: Path, tmp_path: Path, said: str) -> None:
    """Assert that nothing can be made from `root`, and that nothing is left of the attempt."""
    with pytest.raises(ScaffoldError, match=said):
        render_from(root, tmp_path / "out")
    left = {path.name for path in tmp_path.iterdir()}
    assert left <= {root.name, "secret", "outside"}


def test_versions_are_the_tags_that_are_versions(make_catalog: MakeCatalog, tmp_path: Path) -> None:
    root = make_catalog()
    for tag in ("v1.0.0", "1.2", "nightly", "v1.10.0", "v2.0.0rc1", "latest/3"):
        (root / PROJECT / "tag.txt").write_text(tag)
        commit_all(root, tag)
    (root / PROJECT / "tag.txt").write_text("not committed")
    found = open_source(str(root))
    assert list(map(str, found.versions())) == ["2.0.0rc1", "1.0.0", "1.2", "1.10.0"]
    for text, ref in (("1.2.0", "1.2"), ("v1.0.0", "v1.0.0"), ("2.0rc1", "v2.0.0rc1")):
        version = parse_version(text, found.versions())
        with found.tree(version) as tree:
            assert tree.ref == ref
            assert (tree.root / PROJECT / "tag.txt").read_text() == ref
    render_from(root, tmp_path / "out")
    assert (tmp_path / "out/tag.txt").read_text() == "v1.10.0"
    recorded = (tmp_path / "out/.copier-answers.yml").read_text()
    assert f"_commit: v1.10.0\n_src_path: {root}\n" in recorded


def test_a_plain_folder_is_one_state_without_versions(
    make_catalog: MakeCatalog, tmp_path: Path
) -> None:
    root = make_catalog()
    found = open_source(str(root))
    (version,) = found.versions()
    assert version.local
    render_from(root, tmp_path / "out")
    with (
        pytest.raises(ScaffoldError, match=r"has no version 1\.0: it is a plain folder"),
        found.tree(parse_version("1.0", [type(version)("1.0")])),
    ):
        pass


def test_a_url_is_fetched_and_recorded(make_catalog: MakeCatalog, tmp_path: Path) -> None:
    root = make_catalog()
    commit_all(root, "v1.0.0")
    render_from(f"file://{root}", tmp_path / "out")
    assert f"_src_path: file://{root}\n" in (tmp_path / "out/.copier-answers.yml").read_text()


@pytest.mark.parametrize(
    "spec",
    [
        *("ext::sh -c 'touch {canary}'", "ext::touch {canary}", "fd::3", "transport::ext::touch"),
        *("--upload-pack=touch {canary}", "-u", "", "a\nb", "ftp://host/x", "javascript://x"),
        *("ssh://-oProxyCommand=touch/x", "git@-oProxyCommand=touch:x", "nowhere", "mlops://x"),
    ],
)
def test_transports_that_could_run_commands_are_refused(tmp_path: Path, spec: str) -> None:
    canary = tmp_path / "canary"
    with pytest.raises(UsageError, match=r"refused|not a catalog|no catalog"):
        open_source(spec.format(canary=canary)).versions()
    assert not canary.exists()


def test_git_itself_is_held_to_harmless_transports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where the user's configuration turns a harmless URL into another one."""
    config = tmp_path / "gitconfig"
    config.write_text(
        f'[url "ext::touch {tmp_path}/canary "]\n insteadOf = https://example.invalid/\n'
        '[protocol "ext"]\n allow = always\n'
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    with pytest.raises(ScaffoldError, match="cannot read the catalog"):
        open_source("https://example.invalid/x.git").versions()
    assert not (tmp_path / "canary").exists()


def test_credentials_are_neither_recorded_nor_printed() -> None:
    address = "https://user:hunter2@127.0.0.1:1/x.git"
    found = open_source(address)
    assert found.url == "https://127.0.0.1:1/x.git"
    with pytest.raises(ScaffoldError) as caught:
        found.versions()
    assert "hunter2" not in caught.value.message + caught.value.hint
    assert location.without_credentials("ssh://git:pw@host/x") == "ssh://git@host/x"
    assert location.without_credentials("git@host:x") == "git@host:x"


def test_submodules_are_not_fetched(make_catalog: MakeCatalog, tmp_path: Path) -> None:
    inner = make_catalog(name="inner")
    commit_all(inner, "v1.0.0")
    root = make_catalog()
    git(root.parent, "init", "-q", str(root))
    git(root, "submodule", "add", "-q", str(inner), "templates/demo/project/sub")
    commit_all(root, "v1.0.0")
    render_from(root, tmp_path / "out")
    assert not (tmp_path / "out/sub").exists()


def test_a_hostile_repository_configuration_runs_nothing(
    make_catalog: MakeCatalog, tmp_path: Path
) -> None:
    root = make_catalog()
    commit_all(root, "v1.0.0")
    canary = tmp_path / "canary"
    with (root / ".git/config").open("a") as config:
        config.write(
            f"[core]\n fsmonitor = touch {canary}\n sshCommand = touch {canary}\n"
            f" hooksPath = {tmp_path}/hooks\n pager = touch {canary}\n"
            f"[uploadpack]\n packObjectsHook = touch {canary}\n"
        )
    render_from(root, tmp_path / "out")
    assert not canary.exists()


@pytest.mark.parametrize(
    "name", [".git", ".GIT", ".Git", "git~1", ".git ", ".g\u200cit", ".git::$DATA"]
)
def test_a_rendered_git_folder_is_refused(
    make_catalog: MakeCatalog, tmp_path: Path, name: str
) -> None:
    root = make_catalog({f"{PROJECT}/{{{{ '{name}' }}}}/hooks/pre-commit.sh": "touch /tmp/owned"})
    refused(root, tmp_path, "takes? it for git's own folder|take it for git's own")


def test_a_git_folder_by_its_plain_name_is_refused(
    make_catalog: MakeCatalog, tmp_path: Path
) -> None:
    refused(make_catalog({f"{PROJECT}/.git/config": "[core]"}), tmp_path, "git's folder")


@pytest.mark.parametrize(
    "name", ["con", "a:b", "nul.txt", "trailing.", "a*b", "{{ 'back' ~ '\\\\\\\\' ~ 'slash' }}"]
)
def test_rendered_names_that_windows_refuses_are_refused(
    make_catalog: MakeCatalog, tmp_path: Path, name: str
) -> None:
    refused(make_catalog({f"{PROJECT}/{name}": "x"}), tmp_path, "path that is refused")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("{{ '..' }}/{{ '..' }}/outside", "refused: .* is outside of the project"),
        ("{{ '/tmp/outside' }}", r"the template is broken: templates/demo/project/\{\{ '"),
        ("{{ 'a/../../outside' }}", r"the template is broken: templates/demo/project/\{\{ 'a"),
    ],
)
def test_a_rendered_path_out_of_the_project_is_refused(
    make_catalog: MakeCatalog, tmp_path: Path, name: str, said: str
) -> None:
    refused(make_catalog({f"{PROJECT}/{name}.jinja": "x"}), tmp_path, said)
    assert not (tmp_path / "outside").exists()
    assert not Path("/tmp/outside").exists()  # noqa: S108  # where the template aims


@pytest.mark.parametrize("committed", [True, False])
@pytest.mark.parametrize("link", [f"{PROJECT}/link", f"{PROJECT}/link.jinja", "templates/_shared"])
def test_a_link_out_of_the_catalog_is_refused(
    make_catalog: MakeCatalog, tmp_path: Path, link: str, committed: bool
) -> None:
    root = make_catalog()
    (tmp_path / "secret").write_text("secret")
    (root / link).symlink_to("../../../../secret" if PROJECT in link else "/etc")
    if committed:
        commit_all(root, "v1.0.0")
    refused(root, tmp_path, "a link that leads out of it")


def test_a_link_within_the_catalog_is_its_content(
    make_catalog: MakeCatalog, tmp_path: Path
) -> None:
    root = make_catalog()
    (root / PROJECT / "copy.sh").symlink_to("run.sh")
    render_from(root, tmp_path / "out")
    assert contents(tmp_path / "out")["copy.sh"] == (0o100755, b"#!/bin/sh\n")


@pytest.mark.parametrize(
    "jinja",
    [
        "{% include '../secret' %}",
        "{% include '/etc/passwd' %}",
        "{% import 'templates/../../secret' as x %}",
        "{% extends '../secret' %}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ _copier_conf.src_path.parent.joinpath('secret').read_text() }}",
        "{{ _copier_conf.settings.from_file('secret') }}",
        "{{ 'secret' | fileglob }}{{ _external_data.x }}",
    ],
)
def test_nothing_outside_the_catalog_can_be_read(
    make_catalog: MakeCatalog, tmp_path: Path, jinja: str
) -> None:
    (tmp_path / "secret").write_text("hunter2")
    root = make_catalog({f"{PROJECT}/out.txt.jinja": jinja})
    try:
        render_from(root, tmp_path / "out")
    except ScaffoldError as error:
        assert "hunter2" not in error.message  # noqa: PT017  # rendering without it is fine too
    else:
        everything = b"".join(data for _, data in contents(tmp_path / "out").values())
        assert b"hunter2" not in everything
        assert b"root:" not in everything


@pytest.mark.parametrize("pattern", ["../secret*", "/etc/passwd", "templates/../../secret*"])
def test_includes_of_yaml_stay_inside(
    make_catalog: MakeCatalog, tmp_path: Path, pattern: str
) -> None:
    (tmp_path / "secret").write_text("a: hunter2\n")
    refused(
        make_catalog({"copier.yml": f"template: demo\n---\n!include {pattern}\n"}),
        tmp_path,
        "leaves the catalog",
    )


@pytest.mark.parametrize(
    "setting",
    [
        "_tasks: [touch canary]",
        "_migrations: [{version: v1.0.0, before: [touch canary]}]",
        "_jinja_extensions: [jinja2.ext.do]",
        "_external_data: {x: ../secret}",
        "_preserve_symlinks: true",
        "_anything_new: true",
    ],
)
@pytest.mark.parametrize("file", ["copier.yml", "templates/demo/questions.yml"])
def test_settings_that_run_code_or_read_elsewhere_are_refused_by_name(
    make_catalog: MakeCatalog, tmp_path: Path, setting: str, file: str
) -> None:
    before = COPIER_YML if file == "copier.yml" else QUESTIONS
    root = make_catalog({file: f"{setting}\n{before}"})
    refused(root, tmp_path, f"{setting.split(':', maxsplit=1)[0]}: refused")


@pytest.mark.parametrize(
    "loop",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% set x = 'ab' * 9999999 %}{% for i in range(9999) %}{% set y = x.upper() %}{% endfor %}",
    ],
)
def test_endless_loops_are_stopped(
    make_catalog: MakeCatalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loop: str
) -> None:
    monkeypatch.setattr(sandbox, "WALL_SECONDS", 4.0)
    root = make_catalog({f"{PROJECT}/loop.jinja": loop})
    started = time.monotonic()
    refused(root, tmp_path, "rendering took more than 4 s")
    assert time.monotonic() - started < 15


def test_an_endless_loop_in_a_question_runs_into_the_limit_on_cpu_time(
    make_catalog: MakeCatalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "CPU_SECONDS", 3)
    loop = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    root = make_catalog({"copier.yml": COPIER_YML.replace('{{ template }}"', f'{loop}"', 1)})
    refused(root, tmp_path, "went over a limit and was stopped")


@pytest.mark.parametrize(
    "bomb",
    [
        "{{ 'x' * 2000000000 }}",
        (
            "{% set ns = namespace(x='x' * 1000000) %}{% for i in range(20) %}"
            "{% set ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x }}"
        ),
        "{{ '%2000000000d' % 1 }}",
        "{{ 'x'.ljust(2000000000) }}",
    ],
)
def test_memory_is_limited(make_catalog: MakeCatalog, tmp_path: Path, bomb: str) -> None:
    root = make_catalog({f"{PROJECT}/bomb.jinja": bomb})
    refused(root, tmp_path, "cannot render|went over a limit|the template is broken")


def test_the_size_of_a_file_is_limited(make_catalog: MakeCatalog, tmp_path: Path) -> None:
    refused(make_catalog({f"{PROJECT}/big.jinja": "{{ 'x' * 50000000 }}"}), tmp_path, "too large")


def test_the_number_of_files_is_limited(
    make_catalog: MakeCatalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlops_scaffold.render.render.MAX_OUTPUT_FILES", 100)
    name = "{% yield i from range(99999) %}{{ i }}.txt{% endyield %}.jinja"
    refused(make_catalog({f"{PROJECT}/{name}": "x"}), tmp_path, "more than 100 files")


def test_the_size_of_all_files_is_limited(make_catalog: MakeCatalog, tmp_path: Path) -> None:
    name = "{% yield i from range(200) %}{{ i }}.txt{% endyield %}.jinja"
    root = make_catalog({f"{PROJECT}/{name}": "{{ 'x' * 1000000 }}"})
    refused(root, tmp_path, "or 67108864 bytes")


BOMB = "a0: &a0 x\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
)


@pytest.mark.parametrize("file", ["copier.yml", "templates/demo/questions.yml"])
def test_yaml_that_unfolds_endlessly_is_refused(
    make_catalog: MakeCatalog, tmp_path: Path, file: str
) -> None:
    refused(make_catalog({file: BOMB}), tmp_path, "aliases unfold to more than")


@pytest.mark.parametrize(
    "content", [BOMB, "projects: " + "[" * 100_000, "- " * 100_000, "x: " + "y" * 2_000_000]
)
def test_a_catalog_that_unfolds_nests_or_grows_endlessly_is_refused(
    make_catalog: MakeCatalog, content: str
) -> None:
    with pytest.raises(ScaffoldError):
        load(make_catalog({"catalog.yaml": content}))


def test_a_catalog_of_huge_files_is_refused_before_they_are_read(
    make_catalog: MakeCatalog, tmp_path: Path
) -> None:
    root = make_catalog()
    with (root / PROJECT / "huge").open("wb") as huge:
        huge.truncate(100 * 1024 * 1024)
    refused(root, tmp_path, "the catalog is too large")
    commit_all(root, "v1.0.0")
    refused(root, tmp_path, "the catalog is too large")


def test_a_pipe_in_a_catalog_is_refused(make_catalog: MakeCatalog, tmp_path: Path) -> None:
    root = make_catalog()
    os.mkfifo(root / PROJECT / "pipe")
    refused(root, tmp_path, "neither file nor folder")


def test_a_folder_that_is_no_catalog_says_so(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ScaffoldError, match=r"needs one copier\.yml"):
        open_source(str(tmp_path / "empty")).versions()
