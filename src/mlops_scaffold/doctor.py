"""What is on this machine, what a project needs of it, and how to get what is missing."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

State = Literal["ok", "old", "missing", "broken"]

_SECONDS = 10  # a tool that can't tell its version within this is broken
_VERSION = re.compile(r"\d+(?:\.\d+)+")


@dataclass(frozen=True)
class Tool:
    """A tool that may be needed.

    Attributes:
        name: What people call it.
        commands: The command lines that print its version; the first that is there counts.
        purpose: What it is for.
        required: Whether every project's demo and tests need it.
        minimum: The oldest version that will do; empty if any will.
        packages: Its package by package manager.
        page: Where its makers tell how to install it.
    """

    name: str
    commands: tuple[tuple[str, ...], ...]
    purpose: str
    page: str
    packages: Mapping[str, str]
    required: bool = False
    minimum: tuple[int, ...] = ()


@dataclass(frozen=True)
class Finding:
    """What was found of a tool.

    Attributes:
        name: What people call it.
        state: `ok`, `old` (older than `minimum`), `missing`, or `broken` (it is there and fails).
        command: The command that answered; empty if none did.
        version: The version it told; empty if none.
        minimum: The oldest version that will do; empty if any will.
        required: Whether demo and tests need it.
        purpose: What it is for.
        remedy: How to get it; empty if all is well.
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


TOOLS: Mapping[str, Tool] = {
    "python": Tool(
        name="Python",
        commands=(("python3", "--version"), ("python", "--version")),
        purpose="everything",
        required=True,
        minimum=(3, 11),
        page="https://www.python.org/downloads/",
        packages={"apt-get": "python3 python3-venv", "dnf": "python3", "brew": "python"},
    ),
    "git": Tool(
        name="git",
        commands=(("git", "--version"),),
        purpose="`new` and, from 2.38, `upgrade`",
        required=True,
        minimum=(2, 38),
        page="https://git-scm.com/downloads",
        packages=_everywhere("git"),
    ),
    "make": Tool(
        name="make",
        commands=(("make", "--version"), ("gmake", "--version")),
        purpose="`make demo` and all other verbs of a project",
        required=True,
        page="https://www.gnu.org/software/make/",
        packages=_everywhere("make"),
    ),
    "uv": Tool(
        name="uv",
        commands=(("uv", "--version"),),
        purpose="faster installs; `make setup` brings its own copy otherwise",
        page="https://docs.astral.sh/uv/getting-started/installation/",
        packages={"brew": "uv"},
    ),
    "container-engine": Tool(
        name="container engine",
        commands=(("docker", "--version"), ("podman", "--version"), ("buildah", "--version")),
        purpose="`make image` and `make up`",
        page="https://docs.docker.com/engine/install/",
        packages={"apt-get": "podman", "dnf": "podman", "brew": "podman"},
    ),
    "kubectl": Tool(
        name="kubectl",
        commands=(("kubectl", "version", "--client"),),
        purpose="deploying to Kubernetes",
        page="https://kubernetes.io/docs/tasks/tools/",
        packages={"brew": "kubernetes-cli"},
    ),
    "gpu": Tool(
        name="NVIDIA GPU",
        commands=(("nvidia-smi", "--version"),),
        purpose="training at full size; the demo runs without",
        page="https://docs.nvidia.com/datacenter/tesla/driver-installation-guide/",
        packages={},
    ),
}
"""Every tool that is looked for, by the name a project's `needs` uses; all but the GPU always."""

_ALWAYS = tuple(name for name in TOOLS if name != "gpu")


def examine(needs: Iterable[str] | None = None) -> tuple[Finding, ...]:
    """Look for the tools.

    Args:
        needs: What a project needs beyond the required tools (names of `TOOLS`); None looks for
            everything that is commonly of use.
    """
    if needs is None:
        names = _ALWAYS
    else:
        wanted = {"uv", *needs}
        names = tuple(name for name, tool in TOOLS.items() if tool.required or name in wanted)
    return tuple(_look_for(TOOLS[name]) for name in names)


def _look_for(tool: Tool) -> Finding:
    state: State = "missing"
    command = version = ""
    for line in tool.commands:
        if shutil.which(line[0]):
            command, version = line[0], _version(line)
            state = _judge(version, tool.minimum)
            if state == "ok":
                break
    return Finding(
        name=tool.name,
        state=state,
        command=command,
        version=version,
        minimum=".".join(map(str, tool.minimum)),
        required=tool.required,
        purpose=tool.purpose,
        remedy="" if state == "ok" else _remedy(tool),
    )


def _version(line: tuple[str, ...]) -> str:
    """The version a command tells, or "" if it fails or tells none."""
    try:
        answer = subprocess.run(
            line, capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    found = _VERSION.search(answer.stdout + answer.stderr)
    return found[0] if found else ""


def _judge(version: str, minimum: tuple[int, ...]) -> State:
    if not version:
        return "broken"
    return "ok" if tuple(map(int, version.split("."))) >= minimum else "old"


def _remedy(tool: Tool) -> str:
    """The command that installs it with a package manager that is here, else its page."""
    for manager, package in tool.packages.items():
        if shutil.which(manager):
            sudo = "" if manager == "brew" else "sudo "
            return f"{sudo}{manager} install {package}  (or see {tool.page})"
    return f"see {tool.page}"
