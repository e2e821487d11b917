"""`doctor` finds what works on this machine, and says how to get the rest to work."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mlops_scaffold import doctor
from mlops_scaffold.__main__ import main
from mlops_scaffold.catalog.records import NEEDS

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with nothing on PATH but what a test puts there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def install(machine: Path, name: str, says: str, code: int = 0) -> None:
    tool = machine / name
    tool.write_text(f"#!/bin/sh\necho '{says}'\nexit {code}\n")
    tool.chmod(0o755)


def found(name: str, needs: tuple[str, ...] | None = None) -> doctor.Finding:
    return next(finding for finding in doctor.examine(needs) if finding.name == name)


def test_every_need_of_a_catalog_can_be_looked_for() -> None:
    assert set(NEEDS) <= set(doctor.TOOLS)


@pytest.mark.parametrize(
    ("says", "code", "state"),
    [
        ("git version 2.39.5", 0, "ok"),
        ("git version 2.38", 0, "ok"),
        ("git version 2.37.9 (Apple Git-145)", 0, "old"),
        ("git version 10.0", 0, "ok"),
        ("git version 2.39.5", 1, "broken"),
        ("xcode-select: no developer tools", 0, "broken"),
    ],
)
def test_a_version_is_compared_number_by_number(
    says: str, code: int, state: str, machine: Path
) -> None:
    install(machine, "git", says, code)
    assert found("git").state == state


def test_the_first_command_that_will_do_counts(machine: Path) -> None:
    install(machine, "python3", "Python 3.9.1")
    assert (found("Python").state, found("Python").command) == ("old", "python3")
    install(machine, "python", "Python 3.12.0")
    assert (found("Python").state, found("Python").command) == ("ok", "python")
    install(machine, "podman", "podman version 5.0.1")
    assert found("container engine").command == "podman"


def install_script(machine: Path, name: str, script: str) -> None:
    tool = machine / name
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)


def test_a_container_engine_that_does_not_answer_is_not_ok(machine: Path) -> None:
    client_only = 'case "$1" in --version) echo "Docker version 28.2.2";; *) exit 1;; esac'
    install_script(machine, "docker", client_only)
    engine = found("container engine")
    assert (engine.state, engine.command, engine.version) == ("broken", "docker", "28.2.2")
    assert "systemctl start docker" in engine.remedy
    install(machine, "podman", "podman version 5.0.1")
    assert (found("container engine").state, found("container engine").command) == ("ok", "podman")


def test_a_python_without_environments_is_not_ok(machine: Path) -> None:
    no_venv = 'case "$1" in --version) echo "Python 3.12.1";; *) exit 1;; esac'
    install_script(machine, "python3", no_venv)
    assert found("Python").state == "broken"
    assert "python3-venv" in found("Python").remedy


def test_a_make_that_is_not_gnu_make_is_not_ok(machine: Path) -> None:
    install(machine, "make", "make: illegal option; usage: bmake 2.0")
    assert found("make").state == "broken"
    install(machine, "gmake", "GNU Make 4.4")
    assert (found("make").state, found("make").command) == ("ok", "gmake")


def test_a_tool_that_hangs_is_broken(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_SECONDS", 0.2)
    install_script(machine, "kubectl", "exec /bin/sleep 30")
    assert found("kubectl").state == "broken"


def test_what_is_missing_comes_with_the_way_to_get_it(machine: Path) -> None:
    assert found("make").remedy == "see https://www.gnu.org/software/make/"
    install(machine, "apt-get", "")
    assert found("make").remedy.startswith("sudo apt-get install make")


@pytest.mark.usefixtures("machine")
def test_only_what_the_project_needs_is_looked_for() -> None:
    names = {finding.name for finding in doctor.examine(("gpu",))}
    assert names == {"Python", "git", "make", "uv", "NVIDIA GPU"}


def test_doctor_fails_only_for_what_is_required(
    machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(machine, "git", "git version 2.45.0")
    install(machine, "python3", "Python 3.13.0")
    assert main(["doctor"]) == 1
    assert "missing  make" in capsys.readouterr().out
    install(machine, "make", "GNU Make 4.4")
    assert main(["doctor", "16"]) == 0
    said = capsys.readouterr().out
    assert "missing  NVIDIA GPU" in said
    assert "How to get the rest to work" in said


@pytest.mark.usefixtures("machine")
def test_doctor_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "model-service", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert set(told) == {"schema", "command", "tools"}
    states = {tool["name"]: tool["state"] for tool in told["tools"]}
    assert states == dict.fromkeys(
        ("Python", "git", "make", "uv", "container engine", "kubectl"), "missing"
    )
