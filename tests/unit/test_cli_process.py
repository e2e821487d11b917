"""The program as people start it: a process, its output, its exit code, and what it costs."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mlops_scaffold import __version__
from mlops_scaffold.cli.fast_path import VERBS

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = (sys.executable, "-m", "mlops_scaffold")


def run(*args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *args],
        capture_output=True,
        text=True,
        encoding=environment.get("PYTHONIOENCODING", "utf-8").partition(":")[0],
        env={name: value for name, value in os.environ.items() if name != "COLUMNS"} | environment,
        timeout=60,
        check=False,
    )


def other_catalog(root: Path, title: str = "Ours") -> Path:
    (root / "catalog.yaml").write_text(
        f"projects:\n- {{slug: mine, title: '{title}', level: expert}}\n", "utf-8"
    )
    (root / "copier.yml").write_text("_subdirectory: templates/{{ template }}/project\n", "utf-8")
    (root / "templates").mkdir()
    return root


@pytest.mark.parametrize("args", [(), ("--help",)])
def test_help_names_every_verb(args: tuple[str, ...]) -> None:
    done = run(*args)
    assert done.returncode == 0
    for name, summary in VERBS.items():
        assert f"  {name} " in done.stdout
        assert summary in done.stdout


@pytest.mark.parametrize(
    ("args", "usage"),
    [
        (("-h",), "mlops-scaffold [OPTIONS] COMMAND [ARGS]..."),
        (("help",), "mlops-scaffold [OPTIONS] COMMAND [ARGS]..."),
        (("help", "status"), "mlops-scaffold status [DIR]... [OPTIONS]"),
        (("status", "-h"), "mlops-scaffold status [DIR]... [OPTIONS]"),
        (("help", "catalog", "add"), "mlops-scaffold catalog add NAME PATH|URL [OPTIONS]"),
        (("catalog",), "mlops-scaffold catalog COMMAND [ARGS]..."),
        (("catalog", "--help"), "mlops-scaffold catalog COMMAND [ARGS]..."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_every_way_to_ask_for_help_works(args: tuple[str, ...], usage: str) -> None:
    done = run(*args)
    assert done.stdout.splitlines()[0] == f"Usage: {usage}"
    assert (done.returncode, done.stderr) == (0, "")


def test_help_for_a_verb_that_does_not_exist_is_a_usage_error() -> None:
    done = run("help", "upgarde")
    assert done.returncode == 2
    assert "upgrade" in done.stderr


@pytest.mark.parametrize("columns", ["40", "60", "80", "120"])
def test_help_fits_the_terminal_and_names_only_what_people_type(columns: str) -> None:
    for verb in ((), *((name,) for name in VERBS), ("catalog", "add"), ("catalog", "lint")):
        said = run(*verb, "--help", COLUMNS=columns).stdout
        assert max(map(len, said.splitlines())) <= int(columns), verb
        assert not re.search(r"<\w+|\[\[|list\[", said), "no Python in the help"


def test_version_is_the_package_version() -> None:
    assert run("--version").stdout == f"mlops-scaffold {__version__}\n"


QUICK = [("--help",), ("--version",), ("list",), ("list", "--level", "expert", "--json")]


@pytest.mark.parametrize("args", QUICK, ids=" ".join)
def test_the_fast_path_imports_nothing_slow(args: tuple[str, ...]) -> None:
    code = (
        "import sys; from mlops_scaffold.__main__ import main; code = main(sys.argv[1:]);"
        " print(*sys.modules, file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *args], capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in done.stderr.split()}
    assert not loaded & {"typer", "click", "rich", "copier", "jinja2", "plumbum", "pydantic"}


@pytest.mark.parametrize(
    "args",
    [
        ("list", "--level=beginner", "--json"),
        ("list", "--json", "--tool", "Kafka"),
        ("list", "--search", "drift alert", "--phase=5"),
    ],
    ids=" ".join,
)
def test_the_fast_path_and_typer_say_the_same(args: tuple[str, ...]) -> None:
    through_typer = (
        "import sys; from mlops_scaffold.cli.app import run; sys.exit(run(sys.argv[1:]))"
    )
    slow = subprocess.run(
        [sys.executable, "-c", through_typer, *args], capture_output=True, text=True, check=True
    )
    quick = run(*args)
    assert quick.stdout == slow.stdout
    assert quick.returncode == 0


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("lst",), "Did you mean 'list'"),
        (("list", "--levle", "expert"), "--level"),
        (("list", "--level"), "requires an argument"),
        (("list", "--level", "exprt"), "did you mean expert?"),
        (("list", "extra"), "extra"),
        (("catalog", "ad"), "mlops-scaffold catalog --help"),
        (("release",), "'VERSION'"),
        (("show", "later", "--catalog", "nowhere"), "no catalog 'nowhere'"),
        (("show",), "PROJECT"),
        (("show", "model-servis"), "did you mean model-service"),
        (("show", "4"), "mlops-scaffold list"),
        (("--frobnicate",), "--frobnicate"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_usage_error_is_two_lines_and_exit_code_2(args: tuple[str, ...], said: str) -> None:
    done = run(*args)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 2
    assert done.stdout == ""


def test_only_debug_shows_the_traceback(tmp_path: Path) -> None:
    (other_catalog(tmp_path) / "catalog.yaml").write_text("projects: 3\n")
    plain = run("list", "--catalog", str(tmp_path))
    assert plain.returncode == 1
    assert "catalog.yaml, line 1: projects: expected a list" in plain.stderr
    assert "Traceback" not in plain.stderr
    assert "Traceback" in run("--debug", "list", "--catalog", str(tmp_path)).stderr


def test_an_error_of_a_json_run_is_json_too() -> None:
    done = run("show", "nothing-like-it", "--json")
    assert done.stdout == ""
    error = json.loads(done.stderr)
    assert (error["schema"], error["exit_code"], done.returncode) == (1, 2, 2)


def test_an_unexpected_error_is_one_line_and_exit_code_1() -> None:
    code = (
        "import sys; from mlops_scaffold import __main__; from mlops_scaffold.cli import output;"
        " output.line = lambda text='': 1 / 0; sys.exit(__main__.main(['--version']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr
    assert "--debug" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_interrupt_is_quiet() -> None:
    code = (
        "import sys; from mlops_scaffold import __main__; from mlops_scaffold.cli import output\n"
        "def stop(text=''): raise KeyboardInterrupt\n"
        "output.line = stop; sys.exit(__main__.main(sys.argv[1:]))"
    )
    for args in (["--version"], ["show", "1"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *args], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.parametrize("args", ["--help", "roadmap"])
def test_a_closed_pipe_is_silent(args: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        done = subprocess.run(
            [*PROGRAM, args], stdout=closed, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (141, "")


def test_any_catalog_prints_on_a_narrow_old_console(tmp_path: Path) -> None:
    root = other_catalog(tmp_path, "Z\u0142o\u017cony \u2713 projekt")
    done = run("list", "--catalog", str(root), PYTHONIOENCODING="cp1252", COLUMNS="40")
    assert done.returncode == 0
    assert "Z?o?ony ? projekt" in done.stdout
    for args in (("show", "1"), ("roadmap",), ("doctor",), ("--help",)):
        done = run(*args, PYTHONIOENCODING="ascii:strict")
        assert "UnicodeEncodeError" not in done.stderr


def test_colour_is_for_a_terminal_only() -> None:
    assert "\x1b[" not in run("list").stdout
    assert "\x1b[1m" in on_a_terminal({})
    assert "\x1b[" not in on_a_terminal({"NO_COLOR": "1"})


def on_a_terminal(environment: dict[str, str]) -> str:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*PROGRAM, "--help"],
        stdout=theirs,
        stdin=subprocess.DEVNULL,
        env={k: v for k, v in os.environ.items() if k != "NO_COLOR"}
        | {"TERM": "xterm"}
        | environment,
    ) as process:
        os.close(theirs)
        said = b""
        while chunk := _read(ours):
            said += chunk
        assert process.wait(60) == 0
    os.close(ours)
    return said.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux's way to say that the other end is closed
        return b""


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("mlops-scaffold li", {"list"}),
        ("mlops-scaffold show mod", {"model-service", "model-versioning"}),
        ("mlops-scaffold show 1", {"1", "10", "14", "16", "18"}),
        ("mlops-scaffold list --level e", {"expert"}),
        ("mlops-scaffold list --phase s", {"serving"}),
        ("mlops-scaffold list --tool kaf", {"kafka"}),
        ("mlops-scaffold new rag", {"rag-system"}),
        (
            "mlops-scaffold new model-service -d da",
            {"dataset=iris", "dataset=digits", "dataset=mnist"},
        ),
        ("mlops-scaffold new 1 -d own", {"owner="}),
        ("mlops-scaffold show --catalog /nowhere mod", set()),
    ],
)
def test_the_shell_completes_names(line: str, offered: set[str]) -> None:
    done = run(
        _MLOPS_SCAFFOLD_COMPLETE="complete_bash",
        COMP_WORDS=line,
        COMP_CWORD=str(len(line.split()) - 1),
    )
    assert set(done.stdout.split()) == offered
    assert done.stderr == ""


def test_the_shell_completes_answers_of_a_project_that_was_made(tmp_path: Path) -> None:
    assert run("new", "model-service", str(tmp_path / "api"), "-y", "--no-git").returncode == 0
    line = f"mlops-scaffold upgrade {tmp_path / 'api'} -d au"
    done = run(
        _MLOPS_SCAFFOLD_COMPLETE="complete_bash",
        COMP_WORDS=line,
        COMP_CWORD=str(len(line.split()) - 1),
    )
    assert done.stderr == ""
    assert set(done.stdout.split()) == {"auth=api-key", "auth=none"}


def test_the_shell_completes_names_of_saved_catalogs(tmp_path: Path) -> None:
    root = tmp_path / "catalog"
    root.mkdir()
    place = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "HOME": str(tmp_path)}
    assert run("catalog", "add", "team", str(other_catalog(root)), **place).returncode == 0
    for line in ("list --catalog te", "new --catalog te", "catalog remove te"):
        done = run(
            _MLOPS_SCAFFOLD_COMPLETE="complete_bash",
            COMP_WORDS=f"mlops-scaffold {line}",
            COMP_CWORD=str(len(line.split())),
            **place,
        )
        assert done.stdout.split() == ["team"], line
    done = run("list", "--catalog", "teem", **place)
    assert (done.returncode, "did you mean team?" in done.stderr) == (2, True)


def test_the_completion_script_is_for_this_program() -> None:
    done = run(_MLOPS_SCAFFOLD_COMPLETE="source_bash")
    assert "_MLOPS_SCAFFOLD_COMPLETE=complete_bash" in done.stdout
    assert "mlops-scaffold" in done.stdout
