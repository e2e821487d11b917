"""`new`, from the command line down."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from mlops_scaffold.__main__ import main
from mlops_scaffold.creation import create
from mlops_scaffold.files import staging
from tests.terminal import at_terminal

from .conftest import contents, git

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import MakeCatalog

    Run = Callable[..., tuple[int, str, str]]

KILLS = int(os.environ.get("MLOPS_SCAFFOLD_KILLS", "60"))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    folder = tmp_path / "place"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def run(
    make_catalog: MakeCatalog, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Run `new` on a small catalog that stands in for the built-in one."""
    root = make_catalog()
    monkeypatch.setattr("mlops_scaffold.source.builtin.builtin_root", lambda: root)

    def call(*args: str) -> tuple[int, str, str]:
        code = main(["new", *args])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def test_makes_a_committed_repository_and_prints_the_next_commands(run: Run, place: Path) -> None:
    code, out, err = run("demo")
    assert (code, err) == (0, "")
    assert out.splitlines()[-3:] == ["Next:", "  cd demo", "  ls"]
    assert [path.name for path in place.iterdir()] == ["demo"]
    assert git(place / "demo", "status", "--porcelain") == ""
    assert git(place / "demo", "log", "--format=%an %s").startswith(
        "mlops-scaffold Start from demo"
    )
    assert git(place / "demo", "branch", "--show-current") == "main"


def test_a_project_with_a_makefile_gets_make_commands_next(
    run: Run, place: Path, make_catalog: MakeCatalog
) -> None:
    make_catalog({"templates/demo/project/Makefile": "demo test:\n"})
    code, out, _ = run("demo")
    assert code == 0
    assert out.splitlines()[-3:] == ["Next:", "  cd demo && make demo", "  make test"]
    shutil.rmtree(place / "demo")
    assert json.loads(run("demo", "--json")[1])["next"] == ["cd demo && make demo", "make test"]


def test_the_folder_names_the_project_and_missing_parents_are_made(run: Run, place: Path) -> None:
    code, out, _ = run("demo", "a/b/My API", "--json", "-d", "size=9", "--no-git")
    said = json.loads(out)
    assert (code, said["schema"], said["command"], said["git"]) == (0, 1, "new", "off")
    assert said["path"] == str(place / "a/b/My API")
    assert said["answers"]["project_name"] == "my-api"
    assert said["answers"]["demo_size"] == 9
    assert said["next"] == ["cd 'a/b/My API'", "ls"]
    files = {file["path"]: file for file in said["files"]}
    assert files["run.sh"] == {"path": "run.sh", "size": 10, "executable": True}
    assert set(files) == set(contents(place / "a/b/My API"))


def test_answers_on_the_command_line_override_those_in_a_file(run: Run, place: Path) -> None:
    (place / "answers.yml").write_text("size: 5\ncolour: green\nproject_name: from-file\n")
    code, out, _ = run("demo", "--data-file", "answers.yml", "-d", "size=6", "--json")
    answers = json.loads(out)["answers"]
    assert (code, answers["demo_size"], answers["demo_colour"]) == (0, 6, "green")
    assert (place / "from-file").is_dir()


def test_an_empty_folder_becomes_the_project_even_if_it_is_the_current_one(
    run: Run, place: Path
) -> None:
    here = place / "here"
    here.mkdir()
    os.chdir(here)
    code, out, _ = run("demo", ".")
    os.chdir(place)
    assert code == 0
    assert f"cd {here}" in out
    assert (here / "README.md").read_text() == "# here: 3\n"


def test_a_dry_run_lists_the_files_and_writes_nothing(run: Run, place: Path) -> None:
    code, out, _ = run("demo", "x/y", "--dry-run")
    assert code == 0
    assert re.search(r"^  10 B +run\.sh$", out, re.MULTILINE)
    assert list(place.iterdir()) == []
    code, out, _ = run("demo", "--dry-run", "--json")
    said = json.loads(out)
    assert said["dry_run"]
    assert list(place.iterdir()) == []
    run("demo", "--json")
    assert {file["path"] for file in said["files"]} == set(contents(place / "demo"))


def test_inside_a_repository_no_new_one_is_created(run: Run, place: Path) -> None:
    git(place, "init", "-q")
    code, out, _ = run("demo", "services/demo")
    assert code == 0
    assert "inside a git repository" in out
    assert not (place / "services/demo/.git").exists()


def test_an_unknown_version_is_refused_with_the_known_ones(run: Run, place: Path) -> None:
    code, _, err = run("demo", "--version", "9.9.9")
    assert code == 1
    assert "unknown version 9.9.9" in err
    assert "versions of this catalog: " in err
    assert list(place.iterdir()) == []


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["dem"], 2, "did you mean demo"),
        (["later"], 1, "later has no template yet"),
        (["later"], 1, "mlops-scaffold new demo"),
        ([], 2, "which project?"),
        (["demo", "-d", "size"], 2, "expected KEY=VALUE"),
        (["demo", "-d", "siez=1"], 2, "did you mean size"),
        (["demo", "-d", "package_name=x"], 2, "it can't be set"),
        (["demo", "-d", "shade=x"], 2, "is not asked with these answers"),
        (["demo", "-d", "colour=blue"], 2, "'blue' is not one of red, green"),
        (["demo", "-d", "size=0"], 2, "At least one."),
        (["demo", "-d", "template=later"], 2, "contradicts PROJECT"),
        (["demo", "-d", "project_name=Bad Name"], 2, "can't name a project"),
        (["demo", "class"], 2, "Python keyword"),
        (["demo", "json"], 2, "standard library"),
        (["demo", "con"], 2, "Windows reserves it"),
        (["demo", "a:b", "-d", "project_name=ab"], 2, "Windows refuses"),
        (["demo", "--data-file", "missing.yml"], 1, "missing.yml"),
        (["demo", "--catalog", "nowhere"], 2, "no catalog 'nowhere'"),
    ],
)
def test_mistakes_get_one_clear_message_and_nothing_is_written(
    run: Run, place: Path, args: list[str], code: int, said: str
) -> None:
    got, out, err = run(*args)
    assert (got, out) == (code, "")
    assert said in err
    assert "Traceback" not in err
    assert list(place.iterdir()) == []


def test_a_taken_target_is_refused_and_left_alone(run: Run, place: Path) -> None:
    (place / "full").mkdir()
    for number in range(12):
        (place / "full" / f"file{number:02}").write_text("mine")
    (place / "file").write_text("mine")
    (place / "link").symlink_to("full")
    (place / "dangling").symlink_to("nowhere")
    before = {**contents(place)}
    for target, said in (
        ("full", "is not empty: it holds file00, file01"),
        ("full", "and 4 more"),
        ("file", "is a file"),
        ("file/below", "is a file, so nothing can be made in it"),
        ("link", "is a symbolic link"),
        ("dangling", "is a symbolic link"),
    ):
        code, _, err = run("demo", target, "-d", "project_name=x")
        assert code == 1
        assert said in err
    assert contents(place) == before
    assert (place / "dangling").is_symlink()


def test_a_read_only_parent_folder_is_refused(run: Run, place: Path) -> None:
    if os.geteuid() == 0:  # root may write anywhere that is not mounted read-only
        code, _, err = run("demo", "/proc/demo")
        assert code == 1
        assert "cannot write in /proc" in err
        return
    place.chmod(0o500)
    code, _, err = run("demo")
    place.chmod(0o700)
    assert code == 1
    assert "cannot write in" in err


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk takes root")
def test_a_full_disk_leaves_nothing(run: Run, tmp_path: Path, make_catalog: MakeCatalog) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        make_catalog({"templates/demo/project/big.txt": "x" * 200_000})
        code, _, err = run("demo", str(small / "demo"))
        assert code == 1
        assert "No space left on device" in err
        assert list(small.iterdir()) == []
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_hostile_git_configuration_does_not_affect_the_commit(
    run: Run, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = tmp_path / "canary"
    hook = f"#!/bin/sh\ntouch {canary}\nexit 1\n"
    for folder in ("hooks", "template/hooks"):
        (tmp_path / folder).mkdir(parents=True)
        for name in (
            "pre-commit",
            "commit-msg",
            "prepare-commit-msg",
            "post-commit",
            "post-checkout",
        ):
            (tmp_path / folder / name).write_text(hook)
            (tmp_path / folder / name).chmod(0o755)
    (tmp_path / "ignored").write_text("*.md\n")
    config = tmp_path / "gitconfig"
    config.write_text(
        f"[core]\n hooksPath = {tmp_path}/hooks\n autocrlf = true\n safecrlf = true\n"
        f" excludesFile = {tmp_path}/ignored\n fsmonitor = touch {canary}\n"
        f"[init]\n templateDir = {tmp_path}/template\n defaultBranch = trunk\n"
        "[commit]\n gpgSign = true\n template = /nowhere\n[gpg]\n program = /nowhere\n"
        "[user]\n useConfigOnly = true\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "GIT_OBJECT_DIRECTORY"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    code, _, err = run("demo")
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "GIT_OBJECT_DIRECTORY"):
        monkeypatch.delenv(name)
    assert (code, err) == (0, "")
    assert not canary.exists()
    assert not (tmp_path / "elsewhere").exists()
    assert "README.md" in git(place / "demo", "ls-files")
    assert list((place / "demo/.git").glob("hooks/*")) == []


def test_the_commit_has_the_configured_author(
    run: Run, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gitconfig").write_text("[user]\n name = Ada\n email = ada@example.org\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    run("demo")
    assert git(place / "demo", "log", "--format=%an <%ae>") == "Ada <ada@example.org>"


def test_without_git_the_project_is_still_made(
    run: Run, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlops_scaffold.creation.first_commit.possible", lambda: False)
    code, out, _ = run("demo")
    assert code == 0
    assert "git is not installed" in out
    assert (place / "demo/README.md").is_file()


def test_a_name_that_hides_a_dependency_is_refused(
    run: Run, place: Path, make_catalog: MakeCatalog
) -> None:
    make_catalog({"templates/demo/project/constraints.txt": "fastapi==1.0\n"})
    code, _, err = run("demo", "fastapi")
    assert code == 2
    assert "it depends on fastapi" in err
    assert list(place.iterdir()) == []


ANOTHER = {"templates/later/project/README.md": "hello\n"}
"""A second template: with one alone, nobody is asked which."""


def test_at_a_terminal_it_asks_and_takes_the_answers(
    place: Path, make_catalog: MakeCatalog
) -> None:
    root = make_catalog(ANOTHER)
    keys = [
        ("Which project?", "\r"),
        ("project_name", "\x15asked-name\r"),  # \x15 clears the default
        ("demo_size", "\x157\r"),
        ("demo_colour", "\x1b[B\r"),
        ("demo_shade", "\r"),
    ]
    said, code = at_terminal(["new", "--catalog", str(root)], keys, place)
    assert code == 0, said
    answers = (place / "asked-name/.copier-answers.yml").read_text()
    for line in ("demo_size: 7", "demo_colour: green", "demo_shade: dark"):
        assert line in answers


def test_at_a_terminal_an_interrupt_ends_with_one_line(
    place: Path, make_catalog: MakeCatalog
) -> None:
    root = str(make_catalog(ANOTHER))
    for project, asked in (([], "Which project?"), (["demo"], "project_name")):
        said, code = at_terminal(["new", *project, "--catalog", root], [(asked, "\x03")], place)
        assert code == 130, said
        assert "error" not in said
        assert list(place.iterdir()) == []


def test_a_catalog_of_one_template_is_not_asked_for_which(
    run: Run, place: Path, make_catalog: MakeCatalog
) -> None:
    code, _, err = run("--catalog", str(make_catalog()), "-y")
    assert code == 0, err
    assert (place / "demo").is_dir()


def test_at_a_terminal_defaults_ask_nothing(place: Path, make_catalog: MakeCatalog) -> None:
    said, code = at_terminal(["new", "demo", "-y", "--catalog", str(make_catalog())], [], place)
    assert code == 0, said
    assert "Rendering demo" in said, "it tells what it does"
    assert (place / "demo").is_dir()


def test_killed_at_any_point_it_leaves_a_whole_project_or_none(
    place: Path, make_catalog: MakeCatalog
) -> None:
    extra = {f"templates/demo/project/file{n}.txt": "x" * 1000 for n in range(40)}
    request = create.Request("demo", catalog=None)
    root = make_catalog(extra)
    started = time.monotonic()
    whole = _in_child(root, request, kill_after=None)
    whole_time = time.monotonic() - started
    assert whole == 0
    wanted = set(contents(place / "demo"))
    shutil.rmtree(place / "demo")
    chance = random.Random(20261123)  # noqa: S311  # when to kill is no secret
    outcomes = {"none": 0, "whole": 0}
    for _ in range(KILLS):
        _in_child(root, request, kill_after=chance.uniform(0, whole_time * 1.1))
        left = [path.name for path in place.iterdir()]
        assert all(name == "demo" or name.startswith(staging.PREFIX) for name in left)
        if "demo" in left:
            assert set(contents(place / "demo")) == wanted
            assert git(place / "demo", "status", "--porcelain") == ""
            shutil.rmtree(place / "demo")
        outcomes["whole" if "demo" in left else "none"] += 1
    assert outcomes["none"] > KILLS / 4, outcomes
    assert _in_child(root, request, kill_after=None) == 0
    assert [path.name for path in place.iterdir()] == ["demo"]  # scratch of the killed ones is gone


def _in_child(root: Path, request: create.Request, *, kill_after: float | None) -> int:
    """Make it in a process forked from this one, and kill that after some seconds."""
    import copier  # noqa: F401, PLC0415  # so that the time goes into the work, not into imports

    pid = os.fork()
    if pid == 0:
        try:
            from mlops_scaffold.source import builtin  # noqa: PLC0415

            builtin.builtin_root = lambda: root  # type: ignore[assignment]
            create.create(request)
        except BaseException:  # noqa: BLE001  # whatever it is, the parent must see it
            os._exit(1)
        os._exit(0)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_scratch_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    old = tmp_path / f"{staging.PREFIX}killed"
    old.mkdir()
    (old / "lock").touch()
    with staging.beside(tmp_path) as mine:
        assert not old.exists()
        with staging.beside(tmp_path) as other:
            assert mine.is_dir()
            assert other.is_dir()
        assert not other.exists()
    assert list(tmp_path.iterdir()) == []


def test_two_concurrent_runs_on_one_target_make_it_once(
    place: Path, make_catalog: MakeCatalog
) -> None:
    root = make_catalog()
    args = [sys.executable, "-m", "mlops_scaffold", "new", "demo", "--catalog", str(root)]
    running = [subprocess.Popen(args, stderr=subprocess.PIPE, stdout=subprocess.PIPE) for _ in "12"]
    codes = sorted(process.wait(120) for process in running)
    for process in running:
        process.communicate()
    assert codes == [0, 1]
    assert [path.name for path in place.iterdir()] == ["demo"]
    assert git(place / "demo", "status", "--porcelain") == ""


def test_a_saved_name_can_be_used_for_a_catalog(
    place: Path, make_catalog: MakeCatalog, capsys: pytest.CaptureFixture[str]
) -> None:
    root = make_catalog()
    assert main(["catalog", "add", "team", str(root)]) == 0
    assert main(["catalog", "add", "team", str(root)]) == 2
    assert main(["catalog", "add", "Team!", str(root)]) == 2
    assert main(["catalog", "add", "none", str(place)]) == 1
    capsys.readouterr()
    assert main(["catalog", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["catalogs"] == [{"name": "team", "url": str(root)}]
    assert main(["new", "demo", "--catalog", "team"]) == 0
    assert f"_src_path: {root}\n" in (place / "demo/.copier-answers.yml").read_text()
    assert main(["catalog", "remove", "team"]) == 0
    assert main(["catalog", "remove", "team"]) == 2
    assert main(["new", "demo", "x", "--catalog", "team"]) == 2


def test_a_new_project_has_plain_file_modes(run: Run, place: Path) -> None:
    run("demo")
    assert stat.S_IMODE((place / "demo").stat().st_mode) == 0o755
    assert {mode for mode, _ in contents(place / "demo").values()} == {0o100644, 0o100755}
