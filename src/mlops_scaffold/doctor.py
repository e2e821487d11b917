"""Whether the tools that projects require work on this machine, and how to get them.

A tool that is installed but does not work (a container engine that is not running, a Python that
can't make environments) is not ok.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

State = Literal["ok", "old", "missing", "broken"]

_SECONDS = 10  # a tool that does not answer within this is broken
_VERSION = re.compile(r"\d+(?:\.\d+)+")


@dataclass(frozen=True)
class Command:
    """One command that provides a tool.

    Attributes:
        version: The command line that prints its version.
        check: A command line that succeeds only if the tool works; empty if the version is enough.
        repair: What to do if it is installed and the check fails.
        says: Text that the version output must contain; empty if any will do.
    """

    version: tuple[str, ...]
    check: tuple[str, ...] = ()
    repair: str = ""
    says: str = ""


@dataclass(frozen=True)
class Tool:
    """A tool that a project may require.

    Attributes:
        name: What people call it.
        commands: The commands that provide it; the first that works counts.
        purpose: What it is for.
        page: Where its makers explain how to install it.
        packages: Its package by package manager.
        required: Whether the demo and tests of every project require it.
        minimum: The oldest version that is accepted; empty if any is.
    """

    name: str
    commands: tuple[Command, ...]
    purpose: str
    page: str
    packages: Mapping[str, str]
    required: bool = False
    minimum: tuple[int, ...] = ()


@dataclass(frozen=True)
class Finding:
    """The state of a tool on this machine.

    Attributes:
        name: What people call it.
        state: `ok`, `old` (older than `minimum`), `missing`, or `broken` (installed, but it fails).
        command: The command that answered; empty if none did.
        version: The version it reported; empty if none.
        minimum: The oldest version that is accepted; empty if any is.
        required: Whether demo and tests require it.
        purpose: What it is for.
        remedy: How to get it to work; empty if it does.
    """

    name: str
    state: State
    command: str
    version: str
    minimum: str
    required: bool
    purpose: str
    remedy: str


def _everywhere(package: str) -> dict[str, str]:
    return dict.fromkeys(("apt-get", "dnf", "brew"), package)


def _python(name: str) -> Command:
    return Command(
        version=(name, "--version"),
        check=(name, "-c", "import ensurepip, venv"),
        repair="it can't create virtual environments: install its venv module (python3-venv)",
    )


def _engine(name: str, *, repair: str) -> Command:
    # `info` talks to the engine, where `--version` only asks the client.
    return Command(version=(name, "--version"), check=(name, "info"), repair=repair)


TOOLS: Mapping[str, Tool] = {
    "python": Tool(
        name="Python",
        commands=(_python("python3"), _python("python")),
        purpose="everything",
        required=True,
        minimum=(3, 11),
        page="https://www.python.org/downloads/",
        packages={"apt-get": "python3 python3-venv", "dnf": "python3", "brew": "python"},
    ),
    "git": Tool(
        name="git",
        commands=(Command(("git", "--version")),),
        purpose="`new` and, from 2.38, `upgrade`",
        required=True,
        minimum=(2, 38),
        page="https://git-scm.com/downloads",
        packages=_everywhere("git"),
    ),
    "make": Tool(
        name="make",
        commands=tuple(
            Command((name, "--version"), says="GNU Make", repair="projects need GNU make")
            for name in ("make", "gmake")
        ),
        purpose="`make demo` and all other targets of a project",
        required=True,
        page="https://www.gnu.org/software/make/",
        packages=_everywhere("make"),
    ),
    "uv": Tool(
        name="uv",
        commands=(Command(("uv", "--version")),),
        purpose="faster installs; without it, `make setup` installs its own copy",
        page="https://docs.astral.sh/uv/getting-started/installation/",
        packages={"brew": "uv"},
    ),
    "container-engine": Tool(
        name="container engine",
        commands=(
            _engine(
                "docker",
                repair="its engine does not answer: start it (sudo systemctl start docker, or open"
                " Docker Desktop), and check that you may use it",
            ),
            _engine("podman", repair="it does not work: run `podman info` to see why"),
            _engine("buildah", repair="it does not work: run `buildah info` to see why"),
        ),
        purpose="`make image` and `make up`",
        page="https://docs.docker.com/engine/install/",
        packages={"apt-get": "podman", "dnf": "podman", "brew": "podman"},
    ),
    "kubectl": Tool(
        name="kubectl",
        commands=(Command(("kubectl", "version", "--client")),),
        purpose="deploying to Kubernetes",
        page="https://kubernetes.io/docs/tasks/tools/",
        packages={"brew": "kubernetes-cli"},
    ),
    "gpu": Tool(
        name="NVIDIA GPU",
        commands=(
            Command(
                version=("nvidia-smi", "--version"),
                check=("nvidia-smi", "--list-gpus"),
                repair="its driver finds no GPU: run `nvidia-smi` to see why",
            ),
        ),
        purpose="training at full size; the demo runs without one",
        page="https://docs.nvidia.com/datacenter/tesla/driver-installation-guide/",
        packages={},
    ),
}
"""Every tool that is checked, by the name a project's `needs` uses."""

_ALWAYS = tuple(name for name in TOOLS if name != "gpu")


def examine(needs: Iterable[str] | None = None) -> tuple[Finding, ...]:
    """Check the tools.

    Args:
        needs: What a project requires beyond Python, git and make (names of `TOOLS`); None checks
            everything that projects commonly use.
    """
    if needs is None:
        names = _ALWAYS
    else:
        wanted = {"uv", *needs}
        names = tuple(name for name, tool in TOOLS.items() if tool.required or name in wanted)
    return tuple(_check(TOOLS[name]) for name in names)


def _check(tool: Tool) -> Finding:
    """The first command that works, else the first that is installed."""
    found = [_try(tool, command) for command in tool.commands if shutil.which(command.version[0])]
    missing = _finding(tool, "missing", remedy=_install(tool))
    return next((one for one in found if one.state == "ok"), (*found, missing)[0])


def _try(tool: Tool, command: Command) -> Finding:
    name = command.version[0]
    said = _output(command.version)
    match = _VERSION.search(said or "")
    version = match[0] if match and command.says in (said or "") else ""
    if not version:
        why = command.repair or f"run `{' '.join(command.version)}` to see why it fails"
        return _finding(tool, "broken", name, remedy=f"{why}; or {_install(tool)}")
    if tuple(map(int, version.split("."))) < tool.minimum:
        return _finding(tool, "old", name, version, remedy=_install(tool))
    if command.check and _output(command.check) is None:
        return _finding(tool, "broken", name, version, remedy=command.repair)
    return _finding(tool, "ok", name, version)


def _finding(
    tool: Tool, state: State, command: str = "", version: str = "", *, remedy: str = ""
) -> Finding:
    return Finding(
        name=tool.name,
        state=state,
        command=command,
        version=version,
        minimum=".".join(map(str, tool.minimum)),
        required=tool.required,
        purpose=tool.purpose,
        remedy=remedy,
    )


def _output(line: tuple[str, ...]) -> str | None:
    """What a command prints, or None if it fails or does not answer in time."""
    try:
        answer = subprocess.run(
            line,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout + answer.stderr


def _install(tool: Tool) -> str:
    """The command that installs it with a package manager of this machine, else its page."""
    for manager, package in tool.packages.items():
        if shutil.which(manager):
            sudo = "" if manager == "brew" else "sudo "
            return f"{sudo}{manager} install {package}  (or see {tool.page})"
    return f"see {tool.page}"
