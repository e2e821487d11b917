"""Parts of the harness that need no rendered template: answers, names, commands, report."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from . import actions, prove, pythons, shell, spec
from .domain import AnswerSet, ImageFacts, SkipStepError, Spec
from .images import bases
from .step_read import _code, _link_findings
from .step_render import _name_findings
from .step_ship import _compose_findings

ROOT = Path(__file__).parents[2]
LONG = {"project_name": "a-name-that-is-long-enough"}
CLOSED: dict[str, tuple[list[Any], Any]] = {
    "store": (["sqlite", "postgres"], "sqlite"),
    "auth": ([True, False], True),
    "model": (["a", "b"], "a"),
}


def sets(*answers: dict[str, Any]) -> Spec:
    named = [
        AnswerSet("defaults" if not each else f"set-{at}", each) for at, each in enumerate(answers)
    ]
    return Spec("some-template", tuple(named))


def test_pairwise_answer_sets_are_enough() -> None:
    enough = sets(
        {},
        {"store": "sqlite", "auth": False, "model": "b"} | LONG,
        {"store": "postgres", "auth": True, "model": "b"},
        {"store": "postgres", "auth": False, "model": "a"},
    )
    assert spec.answer_set_problems(enough, CLOSED) == []


def test_a_missing_pair_is_named() -> None:
    missing = sets({}, {"store": "postgres", "auth": False, "model": "b"} | LONG)
    problems = spec.answer_set_problems(missing, CLOSED)
    assert "no answer set has store=sqlite with auth=False" in problems
    assert "no answer set has auth=True with model=b" in problems


def test_a_single_question_needs_each_of_its_choices() -> None:
    problems = spec.answer_set_problems(sets({}, LONG), {"auth": ([True, False], True)})
    assert problems == ["no answer set has auth=False"]


@pytest.mark.parametrize("wrong", [{"colour": "red"}, {"auth": "maybe"}])
def test_answers_that_do_not_exist_are_refused(wrong: dict[str, Any]) -> None:
    problems = spec.answer_set_problems(sets({}, wrong | LONG), {"auth": ([True], True)})
    assert any(next(iter(wrong)) in each for each in problems)


def test_a_long_project_name_is_asked_for() -> None:
    assert "project_name" in spec.answer_set_problems(sets({}), {})[0]


@pytest.mark.parametrize(
    "image", [{}, {"port": 80}, {"health": "/"}, {"port": 80, "health": "/", "command": ("run",)}]
)
def test_an_image_is_a_service_or_a_job(image: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="for a service, or `command` for a job"):
        ImageFacts(max_mb=1, **image)


def test_names_that_windows_can_not_hold() -> None:
    names = ["con.md", "a:b.md", "end.", "Readme.md", "README.md", "x" * 200, "fine/name.md"]
    said = "\n".join(_name_findings([Path(name) for name in sorted(names)]))
    for part in ("con.md: not a legal", "a:b.md: not a legal", "end.: not a legal", "case alone"):
        assert part in said
    assert "fine" not in said
    assert "limit of paths" in said


def test_only_code_of_a_readme_is_read_for_commands() -> None:
    assert "make sure" not in _code("make sure `make demo` works")
    assert "make demo" in _code("make sure `make demo` works")


def test_links_with_anchors(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    text = "# One & two\n[a](#one--two) [b](#three) [c](gone.md) [d](https://example.org)\n"
    readme.write_text(text)
    assert list(_link_findings(readme, text)) == [
        "link to #three, a heading that does not exist in README.md",
        "link to gone.md, which does not exist",
    ]


@pytest.mark.parametrize(
    ("service", "finding"),
    [
        ({"image": "redis:latest", "healthcheck": {}}, "pin its version"),
        ({"image": "redis", "healthcheck": {}}, "pin its version"),
        ({"image": "redis:8.2"}, "no healthcheck"),
        ({"build": ".", "healthcheck": {}, "ports": ["8000:8000"]}, "beyond this machine"),
        ({"image": "redis:8.2", "healthcheck": {}, "ports": ["127.0.0.1:1:1"]}, ""),
    ],
)
def test_compose_services(service: dict[str, Any], finding: str) -> None:
    said = list(_compose_findings({"services": {"one": service}}))
    assert finding in said[0] if finding else said == []


def test_bases_of_a_dockerfile(tmp_path: Path) -> None:
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text(
        "ARG V=3.13\nFROM python:${V}-slim AS build\nCOPY --from=docker.io/tool:1 /x /x\n"
        "FROM --platform=linux/amd64 python:3.11-slim\nCOPY --from=build /a /a\n"
    )
    assert bases(dockerfile) == ["python:3.13-slim", "docker.io/tool:1", "python:3.11-slim"]


def test_pins_of_actions(tmp_path: Path) -> None:
    workflow = tmp_path / "ci.yml"
    sha = "a" * 40
    lines = (
        f"- uses: actions/checkout@{sha} # v7.0.1",
        "- uses: actions/checkout@v7",
        f"- uses: actions/checkout@{sha} # v4.2.0",
        f"- uses: who/knows@{sha} # v1",
        "- uses: ./.github/actions/own",
    )
    workflow.write_text("\n".join(lines))
    said = list(actions.pin_findings(workflow, actions.used(workflow)))
    assert [each.split(" ", 2)[2] for each in said] == [
        "is not pinned by commit",
        "is v4.2.0, the current major is v7",
        "has no stand-in: add it to tests/proof/actions.py",
    ]


def test_the_environment_is_empty_but_for_the_registries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_MINE", "x")
    monkeypatch.setenv("PIP_TIMEOUT", "5")
    monkeypatch.setenv("VIRTUAL_ENV", "x")
    env = shell.clean_env(tmp_path)
    assert env["PIP_TIMEOUT"] == "5"
    assert env["HOME"] == str(tmp_path)
    assert not {"SECRET_OF_MINE", "VIRTUAL_ENV", "PYTHONPATH"} & set(env)
    log = tmp_path / "log"
    done = shell.run(["python3", "--version"], cwd=tmp_path, env=env, log=log, timeout=20)
    assert done.code == 0


def test_a_command_that_hangs_is_ended_with_all_it_started(tmp_path: Path) -> None:
    command = ["sh", "-c", "sleep 600 & echo begun; sleep 600"]
    env = shell.clean_env(tmp_path)
    done = shell.run(command, cwd=tmp_path, env=env, log=tmp_path / "log", timeout=1)
    assert done.code is None
    assert done.output == "begun\n"
    assert done.seconds < 300


def test_scratch_folders_of_killed_runs_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    begin = (
        "import os, signal\n"
        "from tests.proof.prove import scratch_folder\n"
        "with scratch_folder() as folder:\n"
        "    (folder / 'clone').mkdir()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    env = os.environ | {"TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", begin], env=env, cwd=ROOT, check=False)
    (tmp_path / "p-of-someone-else").mkdir()
    assert len([*tmp_path.glob("p-*/clone")]) == 1
    with prove.scratch_folder() as one, prove.scratch_folder() as two:
        assert {*tmp_path.glob("p-*")} == {one, two, tmp_path / "p-of-someone-else"}
    assert [path.name for path in tmp_path.glob("p-*")] == ["p-of-someone-else"]


def test_the_network_is_cut_and_loopback_is_up(tmp_path: Path) -> None:
    script = (
        "import socket\n"
        "s = socket.create_server(('127.0.0.1', 0))\n"
        "socket.create_connection(s.getsockname()).close()\n"
        "socket.create_connection(('192.0.2.1', 80), timeout=3)\n"
    )
    try:
        shell.network_cut()
    except SkipStepError as reason:
        pytest.skip(str(reason))
    env = shell.clean_env(tmp_path)
    command = ["python3", "-c", script]
    log = tmp_path / "log"
    done = shell.run(command, cwd=tmp_path, env=env, log=log, timeout=20, offline=True)
    assert "Network is unreachable" in done.output


def test_a_command_says_what_it_used(tmp_path: Path) -> None:
    script = "import os, time\nif os.fork() == 0:\n    while time.process_time() < 0.5: pass\n"
    command = ["python3", "-c", f"{script}else:\n    os.wait(); time.sleep(0.2)"]
    env = shell.clean_env(tmp_path)
    done = shell.run(command, cwd=tmp_path, env=env, log=tmp_path / "log", timeout=60)
    assert 0.5 <= done.cpu_seconds < done.seconds


def test_a_newer_python_is_the_only_one_there(tmp_path: Path) -> None:
    if pythons.NEWEST not in pythons.interpreters():
        pytest.skip(f"no Python {pythons.NEWEST} here")
    env = shell.clean_env(tmp_path, pythons.NEWEST)
    log = tmp_path / "log"
    done = shell.run(["python3", "--version"], cwd=tmp_path, env=env, log=log, timeout=20)
    assert done.output.startswith(f"Python {pythons.NEWEST}.")
