"""Machines, environments and configurations as people have them: a result stays the same."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from mlops_scaffold.__main__ import main
from mlops_scaffold.files import staging
from mlops_scaffold.git import command, identity
from tests.upgrade.support import git, make_catalog, make_project, read, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LINES = "".join(f"line {n}\n" for n in range(20))
THEIRS = LINES.replace("line 3\n", "line 3 of the template\n")


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of 1.0.0 whose catalog has 1.1.0; git is configured by `gitconfig` alone."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    (tmp_path / "gitconfig").write_text("[user]\n name = Ada\n email = ada@example.org\n")
    old = {"app.py": LINES, "lib/util.py": LINES}
    new = {"app.py": THEIRS, "lib/util.py": None, "lib/tools.py": THEIRS, ".vscode/a.json": "{}\n"}
    catalog = make_catalog(tmp_path / "catalog", old, new)
    project = make_project(catalog, tmp_path / "shop")
    write(project, {"lib/util.py": LINES + "mine\n"})
    git(project, "add", "-A")
    git(project, "commit", "-qm", "Mine")
    return project


def check_upgraded(project: Path) -> None:
    assert (project / "app.py").read_text() == THEIRS
    assert (project / "lib/tools.py").read_text() == THEIRS + "mine\n"
    assert git(project, "status", "--porcelain") == b""
    assert b".vscode/a.json" in git(project, "ls-files")


@pytest.mark.parametrize(
    "setting",
    [
        *("safe.bareRepository explicit", "core.excludesFile {tmp}/ignore", "core.bare false"),
        *("core.bigFileThreshold 1", "diff.algorithm patience", "diff.orderFile {tmp}/none"),
        *("diff.context 0", "diff.autoRefreshIndex false", "diff.relative true"),
        *("user.useConfigOnly true", "commit.template {tmp}/none", "commit.cleanup scissors"),
        *("protocol.file.allow never", "init.defaultObjectFormat sha256", "fetch.prune true"),
        *("core.pager false", "column.ui always", "i18n.commitEncoding latin1"),
        *("status.renames copies", "log.showSignature true", "rerere.enabled true"),
    ],
)
def test_no_personal_setting_changes_a_result(shop: Path, tmp_path: Path, setting: str) -> None:
    key, _, value = setting.format(tmp=tmp_path).partition(" ")
    write(tmp_path, {"ignore": ".vscode/\n*.py\n"})
    config = str(tmp_path / "gitconfig")
    subprocess.run(["git", "config", "--file", config, key, value], check=True)
    assert main(["upgrade", str(shop), "-y", "--commit", "--diff"]) == 0
    check_upgraded(shop)


@pytest.mark.parametrize(
    "variables",
    [
        {"GIT_GLOB_PATHSPECS": "1"},
        {"GIT_ICASE_PATHSPECS": "1", "GIT_NOGLOB_PATHSPECS": "1"},
        {"GIT_TRACE": "1", "GIT_TRACE2": "1", "GIT_TRACE_SETUP": "1"},
        {"GIT_DIFF_OPTS": "-u0", "GIT_EXTERNAL_DIFF": "false"},
        {"GIT_DEFAULT_HASH": "sha256"},
        {"GIT_ATTR_SOURCE": "nothing"},
        {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "diff.noprefix", "GIT_CONFIG_VALUE_0": "1"},
        {"GIT_CONFIG_PARAMETERS": "'core.hookspath=/tmp'"},
        {"LANGUAGE": "de:fr", "LC_ALL": "C", "LANG": "de_DE.UTF-8"},
        {"TZ": "Pacific/Kiritimati", "PAGER": "false", "EDITOR": "false", "GIT_EDITOR": "false"},
        {"HOME": "/nonexistent", "XDG_CONFIG_HOME": "/nonexistent"},
    ],
    ids=lambda variables: next(iter(variables)),
)
def test_no_environment_changes_a_result(
    shop: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert main(["upgrade", str(shop), "-y", "--commit", "--diff"]) == 0
    check_upgraded(shop)


@pytest.mark.parametrize("where", ["excludesFile", "info/exclude"])
def test_rules_of_one_person_keep_no_new_file_out(
    shop: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], where: str
) -> None:
    if where == "excludesFile":
        (tmp_path / "ignore").write_text(".vscode/\n")
        with (tmp_path / "gitconfig").open("a") as config:
            config.write(f"[core]\n excludesFile = {tmp_path / 'ignore'}\n")
    else:
        (shop / ".git/info").mkdir(exist_ok=True)
        (shop / ".git/info/exclude").write_text(".vscode/\n")
    write(shop, {"notes.swp": "mine\n"})
    assert main(["upgrade", str(shop), "-y", "--commit"]) == 0
    assert b".vscode/a.json" in git(shop, "ls-files")
    capfd.readouterr()


class TestIdentity:
    """`new` and `upgrade` follow one rule: what the person told git wins, wherever it was."""

    @pytest.fixture(autouse=True)
    def _nobody(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in list(os.environ):
            if name.startswith("GIT_") or name == "EMAIL":
                monkeypatch.delenv(name)
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
        monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")

    @pytest.mark.parametrize(
        ("variables", "config", "author", "committer"),
        [
            ({}, "", "mlops-scaffold <mlops-scaffold@localhost>", ""),
            ({}, "[user]\nname = Ada\nemail = a@b.c\n", "Ada <a@b.c>", ""),
            ({"GIT_AUTHOR_NAME": "Bo", "GIT_AUTHOR_EMAIL": "b@b.c"}, "", "Bo <b@b.c>",
             "mlops-scaffold <mlops-scaffold@localhost>"),
            ({"GIT_AUTHOR_NAME": "Bo"}, "[user]\nname = Ada\nemail = a@b.c\n", "Bo <a@b.c>",
             "Ada <a@b.c>"),
            ({}, "[author]\nname = Cy\nemail = c@b.c\n", "Cy <c@b.c>",
             "mlops-scaffold <mlops-scaffold@localhost>"),
            ({"EMAIL": "e@b.c"}, "[user]\nname = Ada\n", "Ada <e@b.c>", ""),
            ({"GIT_AUTHOR_NAME": "", "GIT_COMMITTER_NAME": ""}, "[user]\nname =\nemail = a@b.c\n",
             "mlops-scaffold <a@b.c>", ""),
        ],
    )  # fmt: skip
    def test_new_and_upgrade_alike(  # noqa: PLR0913, PLR0917
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        variables: dict[str, str],
        config: str,
        author: str,
        committer: str,
    ) -> None:
        (tmp_path / ".gitconfig").write_text(config)
        catalog = make_catalog(tmp_path / "catalog", {"app.py": LINES}, {"app.py": THEIRS})
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        project = make_project(catalog, tmp_path / "shop")
        assert main(["upgrade", str(project), "-y", "--commit"]) == 0
        people = git(project, "log", "--format=%an <%ae>|%cn <%ce>").decode().splitlines()
        assert people == [f"{author}|{committer or author}"] * 2

    def test_nothing_is_added_to_what_git_knows(self, tmp_path: Path) -> None:
        (tmp_path / ".gitconfig").write_text("[user]\nname = Ada\nemail = a@b.c\n")
        assert identity.fallback(tmp_path) == {}


def test_configuration_in_the_environment_gives_access(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "url.file:///here/.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "https://git.example.org/")
    told = command.run("ls-remote", "--get-url", "https://git.example.org/a", isolated=False)
    assert told == b"file:///here/a\n"
    told = command.run("ls-remote", "--get-url", "https://git.example.org/a")
    assert told == b"https://git.example.org/a\n"
    assert tmp_path.is_dir()


@contextlib.contextmanager
def running(project: Path, place: Path) -> Iterator[subprocess.Popen[bytes]]:
    """An upgrade in a process of its own, from the moment when it has a scratch folder."""
    place.mkdir()
    with subprocess.Popen(
        [sys.executable, "-m", "mlops_scaffold", "upgrade", str(project), "-y"],
        env={**os.environ, "TMPDIR": str(place)},
        stdout=subprocess.DEVNULL,
    ) as process:
        deadline = time.monotonic() + 60
        while not any(place.glob("mlops-scaffold-*")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield process


@pytest.mark.parametrize("wait", [0.0, 1.0])
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_stopped_upgrade_leaves_no_scratch_folder(
    shop: Path, tmp_path: Path, name: str, wait: float
) -> None:
    before = read(shop)
    number = getattr(signal, name)
    with running(shop, tmp_path / "scratch") as process:
        time.sleep(wait)
        process.send_signal(number)
        code = process.wait(60)
    assert list((tmp_path / "scratch").iterdir()) == []
    if code == 0:  # it was done already
        return
    assert code == 128 + number
    assert read(shop) == before
    assert not (shop / ".git/index.lock").exists()


def test_what_a_killed_upgrade_left_is_cleared_by_the_next(shop: Path, tmp_path: Path) -> None:
    with running(shop, tmp_path / "scratch") as process:
        process.kill()
    assert list((tmp_path / "scratch").iterdir())
    done = subprocess.run(
        [sys.executable, "-m", "mlops_scaffold", "upgrade", str(shop), "-y", "--commit"],
        env={**os.environ, "TMPDIR": str(tmp_path / "scratch")},
        check=False,
    )
    assert done.returncode == 0
    assert list((tmp_path / "scratch").iterdir()) == []
    check_upgraded(shop)


def test_the_scratch_folder_of_another_run_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with staging.temporary() as one:
        with staging.temporary() as other:
            assert one.is_dir()
            assert other.is_dir()
        assert not other.exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("room", [0, 16, 48, 96])
def test_a_full_folder_for_temporary_files(
    shop: Path,
    small_disk: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    room: int,
) -> None:
    (small_disk / "filler").write_bytes(b"x" * 1024 * (252 - room))
    monkeypatch.setattr("tempfile.tempdir", str(small_disk))
    before = read(shop)
    capfd.readouterr()
    assert main(["upgrade", str(shop)]) == 1
    err = capfd.readouterr().err
    assert "cannot write temporary files in" in err or "almost no room left in" in err
    assert "TMPDIR" in err
    assert "unexpected" not in err
    assert read(shop) == before
    assert [path.name for path in small_disk.iterdir()] == ["filler"]


def test_a_read_only_folder_for_temporary_files(
    shop: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    environment = {**os.environ, "TMPDIR": str(small_disk)}
    program = [sys.executable, "-m", "mlops_scaffold", "upgrade", str(shop), "-y", "--commit"]
    done = subprocess.run(program, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"there is /tmp: {done.stderr}"
    check_upgraded(shop)
    monkeypatch.setattr("tempfile.tempdir", str(small_disk))
    assert main(["upgrade", str(shop), "--to", "1.0.0", "-y"]) == 1


def test_status_and_diff_need_no_git(
    shop: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    write(
        shop,
        {
            "app.py": LINES.replace("line 3\n", "line 3 of mine\n"),
            "lib/util.py": None,
            "own.txt": "mine\n",
            ".gitignore": "*.log\n!keep.log\n",
            "a.log": "ignored\n",
            "keep.log": "kept\n",
            "logs/.gitignore": "*\n",
            "logs/deep/x.txt": "ignored\n",
        },
    )
    (shop / "empty").mkdir()

    def found() -> tuple[object, ...]:
        capfd.readouterr()
        assert main(["status", str(shop), "--json"]) == 0
        project = json.loads(capfd.readouterr().out)["projects"][0]
        return tuple(project[key] for key in ("version", "newest", "edited", "deleted", "added"))

    with_git = found()
    shutil.rmtree(shop / ".git")
    assert found() == with_git
    assert with_git[2:4] == (["app.py"], ["lib/util.py"])
    assert with_git[4] == [".gitignore", "keep.log", "own.txt"]
    assert main(["diff", str(shop), "--exit-code"]) == 1
    out = capfd.readouterr().out
    assert "-line 3\n+line 3 of mine\n" in out
    assert "+++ /dev/null" in out
    monkeypatch.setenv("PATH", str(shop / "empty"))
    monkeypatch.setattr("mlops_scaffold.git.command.available", lambda: False)
    assert main(["upgrade", str(shop)]) == 1
    assert "git is not installed" in capfd.readouterr().err


def test_a_project_is_found_from_its_subfolders(
    shop: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    write(shop, {"lib/deep/own.txt": "mine\n"})
    git(shop, "add", "-A")
    git(shop, "commit", "-qm", "Deep")
    monkeypatch.chdir(shop / "lib/deep")
    for verb in ("status", "diff"):
        assert main([verb]) == 0
    assert "own.txt" in capfd.readouterr().out
    assert main(["upgrade", "-y", "--commit"]) == 0
    check_upgraded(shop)
    (tmp_path / "link").symlink_to(shop / "lib/deep")
    for folder in (str(shop / "lib"), ".", "..", "../..", str(tmp_path / "link")):
        assert main(["status", folder, "--check"]) == 0
    capfd.readouterr()
    assert main(["upgrade", ".", "..", "../..", "--json"]) == 0
    assert len(json.loads(capfd.readouterr().out)["projects"]) == 1, "one project, one upgrade"
    monkeypatch.chdir(tmp_path)
    assert main(["status"]) == 1
    assert "was not made by mlops-scaffold" in capfd.readouterr().err


def test_the_search_ends_at_the_top_of_a_repository(
    shop: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    inner = shop / "vendor/other"
    inner.mkdir(parents=True)
    git(inner, "init", "-q")
    capfd.readouterr()
    assert main(["status", str(inner)]) == 1
    assert "was not made by mlops-scaffold" in capfd.readouterr().err


def test_diff_as_json(shop: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(shop, {"new.txt": "mine\n"})
    capfd.readouterr()
    assert main(["diff", str(shop), "--json", "--exit-code"]) == 1
    found = json.loads(capfd.readouterr().out)
    assert (found["schema"], found["command"]) == (1, "diff")
    assert (found["project"], found["version"]) == (str(shop), "1.0.0")
    assert (found["edited"], found["deleted"], found["added"]) == (["lib/util.py"], [], ["new.txt"])
    assert "+mine" in found["diff"]


def test_several_templates_in_one_folder(
    tmp_path: Path, shop: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Two answers files, two templates; each upgrade follows its own."""
    other = make_catalog(tmp_path / "other", {"lint.toml": LINES}, {"lint.toml": THEIRS})
    second = make_project(other, tmp_path / "second")
    (second / ".copier-answers.yml").rename(shop / ".copier-answers.lint.yml")
    (second / "lint.toml").rename(shop / "lint.toml")
    git(shop, "add", "-A")
    git(shop, "commit", "-qm", "Two templates")
    first = (shop / ".copier-answers.yml").read_bytes()
    option = ("--answers-file", ".copier-answers.lint.yml")
    capfd.readouterr()
    assert main(["status", str(shop / "lib"), "--check", *option]) == 4
    assert "other" in capfd.readouterr().out
    assert main(["upgrade", str(shop), "-y", "--commit", *option]) == 0
    assert (shop / "lint.toml").read_text() == THEIRS
    assert "v1.1.0" in (shop / ".copier-answers.lint.yml").read_text()
    assert (shop / ".copier-answers.yml").read_bytes() == first
    assert (shop / "app.py").read_text() == LINES
    assert main(["upgrade", str(shop), "-y", "--commit"]) == 0
    check_upgraded(shop)
    assert main(["status", str(shop), "--check", *option]) == 0
