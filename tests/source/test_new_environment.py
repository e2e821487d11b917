"""`new` on machines as people have them: streams, signals, full disks, odd configuration."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.terminal import at_terminal

from .conftest import contents, git

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .conftest import MakeCatalog

PROGRAM = f"{shlex.quote(sys.executable)} -m mlops_scaffold"
SLOW = "{% for i in range(10000) %}{% for j in range(10000) %}{% endfor %}{% endfor %}"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    folder = tmp_path / "place"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def catalog(make_catalog: MakeCatalog) -> str:
    return f"--catalog {shlex.quote(str(make_catalog()))}"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk that is full."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting a disk is not allowed here")
    (folder / "full").write_bytes(b"x" * 12_288)
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def shell(command: str, **env: str) -> tuple[int, str, str]:
    """Run a line of shell in which `ms` is the program."""
    done = subprocess.run(
        ["bash", "-c", f'ms() {{ {PROGRAM} "$@"; }}; {command}'],
        capture_output=True,
        env={**os.environ, **env},
        text=True,
        timeout=120,
        check=False,
    )
    said = " ".join(done.stderr.split())  # however it is wrapped
    # What is said of every plain folder: it has no versions.
    return done.returncode, done.stdout, re.sub(r"note: \S+ is a folder .* tags\. ?", "", said)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_do_not_matter(place: Path, catalog: str, closed: str) -> None:
    code, _, err = shell(f"ms new demo -y {catalog} {closed}")
    assert (code, err) == (0, "")
    assert git(place / "demo", "status", "--porcelain") == ""
    held = contents(place / "demo")
    assert not [path for path, (_, data) in held.items() if b"Made demo" in data], "not in a file"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is full")
@pytest.mark.parametrize("options", ["", "--json", "--dry-run"])
def test_a_full_stdout_is_reported_together_with_what_was_made(
    place: Path, catalog: str, options: str
) -> None:
    code, _, err = shell(f"ms new demo -y {options} {catalog} >/dev/full")
    assert code == 1
    made = "nothing was made" if "dry" in options else f"{place / 'demo'} was made"
    assert f"{made}, but the result can't be printed: No space left on device" in err
    assert (place / "demo").is_dir() is ("dry" not in options)


def test_a_closed_pipe_is_not_a_failure(place: Path, catalog: str) -> None:
    code, _, err = shell(f"ms new demo -y {catalog} 2>&1 | true; exit ${{PIPESTATUS[0]}}")
    assert (code, err) == (0, "")
    assert (place / "demo/README.md").is_file()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
@pytest.mark.parametrize("options", [[], ["--dry-run"]])
def test_a_signal_ends_it_and_leaves_nothing(  # noqa: PLR0913, PLR0917  # what it is about
    place: Path,
    make_catalog: MakeCatalog,
    tmp_path: Path,
    options: list[str],
    number: signal.Signals,
    code: int,
) -> None:
    root = make_catalog({"templates/demo/project/slow.txt.jinja": SLOW})
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "mlops_scaffold", "new", "demo", "--catalog", str(root), *options],
        env={**os.environ, "TMPDIR": str(temporary)},
        # Below nohup, it would rightly ignore the signal.
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),  # noqa: PLW1509
    )
    scratch = temporary if options else place
    deadline = time.monotonic() + 60
    while not list(scratch.rglob("request.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(number)
    assert process.wait(60) == code
    assert list(place.iterdir()) == []
    assert list(temporary.iterdir()) == []


def test_leftovers_of_a_killed_preview_are_removed_by_the_next(
    place: Path, make_catalog: MakeCatalog, tmp_path: Path
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    slow = make_catalog({"templates/demo/project/slow.txt.jinja": SLOW}, "slow")
    command = [sys.executable, "-m", "mlops_scaffold", "new", "demo", "--dry-run", "--catalog"]
    environment = {**os.environ, "TMPDIR": str(temporary)}
    process = subprocess.Popen([*command, str(slow)], env=environment)
    deadline = time.monotonic() + 60
    while not list(temporary.rglob("request.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.kill()
    process.wait()
    assert list(temporary.iterdir())
    quick = make_catalog(name="quick")
    done = subprocess.run(
        [*command, str(quick)], env=environment, check=False, stdout=subprocess.DEVNULL
    )
    assert done.returncode == 0
    assert list(temporary.iterdir()) == []
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("temporary", ["/nonexistent", "/proc"])
def test_an_unusable_tmpdir_does_not_matter(place: Path, catalog: str, temporary: str) -> None:
    code, _, err = shell(f"ms new demo -y {catalog}", TMPDIR=temporary)
    assert (code, err) == (0, "")
    assert (place / "demo").is_dir()


def test_a_full_tmpdir_does_not_matter(place: Path, catalog: str, small_disk: Path) -> None:
    code, _, err = shell(f"ms new demo -y {catalog}", TMPDIR=str(small_disk))
    assert (code, err) == (0, "")
    assert (place / "demo").is_dir()


def test_a_full_disk_is_reported_and_nothing_is_left(
    place: Path, catalog: str, small_disk: Path
) -> None:
    before = sorted(small_disk.iterdir())
    code, _, err = shell(f"ms new demo {small_disk}/demo -y {catalog}")
    assert code == 1
    assert "No space left on device" in err
    assert "scratch" not in err
    assert "Traceback" not in err
    assert sorted(small_disk.iterdir()) == before
    assert list(place.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "expected"), [("trunk", "trunk"), ("a/b", "a/b"), ("no good..", "main"), ("", "main")]
)
def test_the_first_branch_has_the_configured_name(
    place: Path, catalog: str, tmp_path: Path, name: str, expected: str
) -> None:
    config = tmp_path / "gitconfig"
    config.write_text(f'[init]\n defaultBranch = "{name}"\n')
    code, _, err = shell(f"ms new demo -y {catalog}", GIT_CONFIG_GLOBAL=str(config))
    assert (code, err) == (0, "")
    assert git(place / "demo", "branch", "--show-current") == expected


def test_global_attributes_do_not_affect_the_commit(
    place: Path, catalog: str, tmp_path: Path
) -> None:
    (tmp_path / "attributes").write_text("* filter=odd text eol=crlf\n")
    config = tmp_path / "gitconfig"
    config.write_text(
        f"[core]\n attributesFile = {tmp_path}/attributes\n commentChar = S\n"
        '[filter "odd"]\n clean = false\n required = true\n[add]\n ignoreErrors = true\n'
    )
    code, _, err = shell(f"ms new demo -y {catalog}", GIT_CONFIG_GLOBAL=str(config))
    assert (code, err) == (0, "")
    assert git(place / "demo", "show", "HEAD:README.md") == "# demo: 3"
    assert git(place / "demo", "log", "--format=%s").startswith("Start from demo")


ODD: Mapping[str, Mapping[str, str]] = {
    "warnings are errors": {"PYTHONWARNINGS": "error"},
    "no home": {"HOME": "/nonexistent"},
    "an ASCII terminal": {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"},
    "no bytecode, no hash seed": {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "7"},
    "settings of Copier": {"COPIER_SETTINGS_PATH": "/nonexistent/settings.yml"},
    "git in another repository": {"GIT_DIR": "/x", "GIT_INDEX_FILE": "/y", "GIT_WORK_TREE": "/z"},
    "git that traces": {"GIT_TRACE": "1", "GIT_TRACE2": "1", "GIT_TRACE_SETUP": "1"},
    "git that pages and asks": {
        "GIT_PAGER": "false",
        "GIT_EDITOR": "false",
        "GIT_ASKPASS": "false",
    },
    "a dumb terminal": {"TERM": "dumb", "COLUMNS": "0", "NO_COLOR": "1"},
    "another time zone": {"TZ": "Pacific/Apia"},
}


@pytest.mark.parametrize("environment", ODD.values(), ids=ODD.keys())
def test_the_environment_changes_nothing(
    place: Path, catalog: str, environment: dict[str, str]
) -> None:
    code, _, err = shell(f"ms new demo one -d project_name=demo -y {catalog}", **environment)
    assert (code, err) == (0, "")
    code, _, _ = shell(f"ms new demo two -d project_name=demo -y {catalog}")
    assert contents(place / "one") == contents(place / "two")
    one, two = (git(place / name, "rev-parse", "HEAD^{tree}") for name in ("one", "two"))
    assert one == two


def test_few_open_files_are_enough(place: Path, catalog: str) -> None:
    code, _, err = shell(f"ulimit -n 20; ms new demo -y {catalog}")
    assert (code, err) == (0, "")
    assert (place / "demo").is_dir()


def test_a_removed_current_folder_is_reported(place: Path, catalog: str) -> None:
    code, _, err = shell(f"mkdir gone; cd gone; rmdir ../gone; ms new demo -y {catalog}")
    assert code == 1
    assert "the current folder no longer exists" in err
    assert list(place.iterdir()) == []


def test_a_path_that_is_too_long_is_refused(place: Path, catalog: str) -> None:
    long = "/".join(["y" * 30] * 140)
    code, _, err = shell(f"ms new demo {long}/z -y {catalog}")
    assert code == 1
    assert "File name too long" in err
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("folder", ["-dash", "two words", "it's", "~tilde", "$HOME", "a/-b"])
def test_the_next_command_works_as_printed(place: Path, catalog: str, folder: str) -> None:
    arguments = f"-y -d project_name=x {catalog} -- {shlex.quote(folder)}"
    code, out, err = shell(f"ms new demo {arguments}")
    assert (code, err) == (0, "")
    command = out.splitlines()[-2].strip()
    done = subprocess.run(["bash", "-c", f"{command} && pwd"], capture_output=True, check=True)
    assert done.stdout.decode().strip() == str(place / folder)


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("size: 7\ncolour: green\n", 0, ""),
        ("{size: 7}", 0, ""),
        ("\ufeffsize: 7\n", 0, ""),
        ("size: many\n", 2, "demo_size: 'many' is not a whole number"),
        ("size: [\n", 1, "standard input, line 2: not valid YAML"),
        ("size: 1\nsize: 2\n", 1, "standard input, line 2: size: appears twice"),
        ("- a\n", 1, "standard input, line 1: top level: expected a mapping"),
        ("", 2, "standard input holds no answers"),
    ],
)
def test_answers_come_from_standard_input(
    place: Path, catalog: str, text: str, code: int, said: str
) -> None:
    (place.parent / "answers").write_text(text, encoding="utf-8")
    got, _, err = shell(f"ms new demo --data-file - {catalog} < ../answers")
    assert got == code
    assert said in err
    assert (place / "demo").is_dir() is (code == 0)
    if not code:
        assert (place / "demo/README.md").read_text() == "# demo: 7\n"


def test_the_answers_file_of_another_project_can_be_used(place: Path, catalog: str) -> None:
    assert shell(f"ms new demo one -y -d size=8 -d colour=green -d shade=light {catalog}")[0] == 0
    code, _, err = shell(f"ms new demo two -y --data-file one/.copier-answers.yml {catalog}")
    assert (code, err) == (0, "")
    recorded = (place / "two/.copier-answers.yml").read_text()
    for line in ("demo_size: 8", "demo_shade: light", "project_name: two"):
        assert line in recorded
    code, _, err = shell(f"ms new demo -y --data-file one/.copier-answers.yml {catalog}")
    assert code == 1
    assert "one is not empty" in err, "without DIR it names the project too"
    code, _, err = shell(f"ms new demo three -y -d _src_path=x {catalog}")
    assert code == 2
    code, _, err = shell("ms new model-service x -y --data-file one/.copier-answers.yml")
    assert code == 2
    assert "template=demo contradicts PROJECT" in err


MESSAGES = """\
_message_before_copy: "Before you start"
_message_after_copy: "Now get a key for {{ project_name }}"
"""


def test_messages_of_the_template_are_printed(place: Path, make_catalog: MakeCatalog) -> None:
    root = make_catalog()
    (root / "copier.yml").write_text(MESSAGES + (root / "copier.yml").read_text())
    _, out, _ = shell(f"ms new demo -y --catalog {root}")
    assert re.search(r"Made demo .*Before you start.*Now get a key for demo.*Next:", out, re.DOTALL)
    _, out, _ = shell(f"ms new demo x -y --json --catalog {root}")
    assert json.loads(out)["messages"] == ["Before you start", "Now get a key for x"]
    keys = [("project_name", "\r"), ("demo_size", "\r"), ("demo_colour", "\r")]
    said, code = at_terminal(["new", "demo", "y", "--catalog", str(root)], keys[1:], place)
    assert code == 0, said
    assert said.count("Before you start") == 1
    assert said.index("Before you start") < said.index("demo_size") < said.index("Now get a key")


def test_at_a_terminal_an_unfit_name_or_a_taken_folder_is_refused_at_the_question(
    place: Path, make_catalog: MakeCatalog
) -> None:
    (place / "taken").mkdir()
    (place / "taken/file").touch()
    keys = [
        ("project_name", "\x15json\r"),
        ("hide a module", "\x15taken\r"),
        ("exists already", "\x15free\r"),
        ("demo_size", "\r"),
        ("demo_colour", "\r"),
    ]
    said, code = at_terminal(["new", "demo", "--catalog", str(make_catalog())], keys, place)
    assert code == 0, said
    assert (place / "free/README.md").is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["json"], "standard library"),
        (["taken"], "is not empty"),
        (["x", "-d", "size=many"], "is not a whole number"),
        (["x", "-d", "colour=blue"], "is not one of red, green"),
    ],
)
def test_at_a_terminal_a_mistake_on_the_command_line_is_refused_before_any_question(
    place: Path, make_catalog: MakeCatalog, arguments: list[str], said: str
) -> None:
    (place / "taken").mkdir()
    (place / "taken/file").touch()
    command = ["new", "demo", *arguments, "--catalog", str(make_catalog())]
    printed, code = at_terminal(command, [], place)
    assert code in {1, 2}
    assert said in " ".join(printed.split())
    assert "demo_size (int)" not in printed, "nothing was asked"


def test_at_a_terminal_a_question_without_a_usable_default_is_asked(
    place: Path, make_catalog: MakeCatalog
) -> None:
    questions = (
        "demo_team: {type: str, help: Which team}\n"
        "demo_city: {default: '', validator: '{% if not demo_city %}Say it.{% endif %}'}\n"
    )
    root = make_catalog(
        {
            "templates/demo/questions.yml": questions,
            "templates/demo/project/README.md.jinja": "{{ demo_team }} in {{ demo_city }}\n",
        }
    )
    keys = [("Which team", "blue\r"), ("demo_city", "Bern\r")]
    said, code = at_terminal(["new", "demo", "x", "--catalog", str(root)], keys, place)
    assert code == 0, said
    assert (place / "x/README.md").read_text() == "blue in Bern\n"


def test_at_a_terminal_it_asks_even_if_stdout_is_a_file(
    place: Path, make_catalog: MakeCatalog
) -> None:
    redirect = "import os; os.dup2(os.open('out.txt', os.O_WRONLY | os.O_CREAT), 1)"
    keys = [("demo_size", "\x157\r"), ("demo_colour", "\r")]
    command = ["new", "demo", "x", "--catalog", str(make_catalog())]
    said, code = at_terminal(command, keys, place, first=redirect)
    assert code == 0, said
    assert "demo_size: 7" in (place / "x/.copier-answers.yml").read_text()
    assert (place / "out.txt").read_text().startswith("Made x from demo")


def test_with_stdout_and_stderr_redirected_it_says_that_it_takes_the_defaults(
    place: Path, make_catalog: MakeCatalog
) -> None:
    redirect = (
        "import os; f = os.open('out.txt', os.O_WRONLY | os.O_CREAT); os.dup2(f, 1); os.dup2(f, 2)"
    )
    command = ["new", "demo", "x", "--catalog", str(make_catalog())]
    _, code = at_terminal(command, [], place, first=redirect)
    assert code == 0
    assert "taking the defaults" in (place / "out.txt").read_text()
    assert (place / "x").is_dir()


@pytest.mark.parametrize("key", ["\x03", "\x04"])
def test_at_a_terminal_ctrl_c_and_ctrl_d_end_with_one_line(
    place: Path, make_catalog: MakeCatalog, key: str
) -> None:
    command = ["new", "demo", "x", "--catalog", str(make_catalog())]
    said, code = at_terminal(command, [("demo_size", f"\x15{key}")], place)
    assert code == 130, said
    assert said.rstrip().endswith("Interrupted; nothing was made.")
    assert "error" not in said
    assert list(place.iterdir()) == []
