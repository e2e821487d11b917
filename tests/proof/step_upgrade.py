"""Step 7, upgrade: repositories made with released versions come up to the template as it is now.

Each is edited the way owners edit before it is upgraded: their edits must survive, and what they
left alone must end exactly as the current template renders it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from packaging.version import Version

from .images import need_packages
from .records import Figures, Outcome, SkipStepError
from .step_run import LIMITS, slack
from .unit import SETUP_LIMIT, Unit, git, program, render

_OWN_MODULE = '"""The owner\'s own."""\n\nOURS = "kept"\n'
_OWN_SECTION = "\n## The owner's notes\n\nKept through upgrades.\n"
_OWN_TARGET = "\n.PHONY: ours\nours: ## The owner's own verb\n\t@echo kept\n"
_DELETED = ".editorconfig"


def prove(unit: Unit) -> Outcome:
    """Upgrade from each released version; the newest one is then tested as well."""
    bundles = (unit.root / "releases").glob("v*.bundle")
    released = sorted((path.stem.removeprefix("v") for path in bundles), key=Version)
    if not released:
        message = "no released version yet"
        raise SkipStepError(message)
    findings: list[str] = []
    figures: Figures = {"upgrades": 0}
    for version in released:
        project = unit.scratch / f"v{version}" / unit.project_name
        project.parent.mkdir()
        made = render(unit, project, "--version", version)
        if made.code != 0:
            if version == released[-1] and unit.slug not in made.output:
                findings.append(f"v{version} can't be rendered:\n{made.tail()}")
            continue  # the template, or one of these answers, is younger than that version
        findings += (f"from v{version}: {each}" for each in _upgrade(unit, project))
        figures["upgrades"] = int(figures["upgrades"]) + 1
        if version == released[-1]:
            findings += _test(unit, project, version)
    return Outcome(tuple(findings), figures)


def _upgrade(unit: Unit, project: Path) -> Iterator[str]:
    edited = edit(project)
    git("-C", str(project), "add", "--all")
    git("-C", str(project), "commit", "--quiet", "--message", "Make it ours")
    done = program(unit, "upgrade", str(project), "--defaults", cwd=project, log="upgrade")
    if done.code != 0:
        yield f"`mlops-scaffold upgrade` ends with {done.code}:\n{done.tail()}"
        return
    for path, text in edited.items():
        if text not in (project / path).read_text():
            yield f"{path}: the owner's edit is lost"
    if (project / _DELETED).exists():
        yield f"{_DELETED}: deleted by the owner, and back again"
    wanted = unit.rendered()
    for name in git("-C", str(wanted), "ls-files", "-z").split("\0"):
        if not name or name in edited or name == _DELETED:
            continue
        if not (project / name).is_file():
            yield f"{name} is missing"
        elif (project / name).read_bytes() != (wanted / name).read_bytes():
            yield f"{name}: nobody edited it, and it is not as the template has it now"
    again = program(unit, "status", str(project), "--check", cwd=project, log="upgrade")
    if again.code != 0:
        yield f"after the upgrade `mlops-scaffold status --check` ends with {again.code}"


def edit(project: Path) -> dict[str, str]:
    """What owners do: notes, a verb, a module, a dependency; gives path -> text to be kept."""
    package = next(path for path in (project / "src").iterdir() if path.is_dir())
    edits = {
        "README.md": _OWN_SECTION,
        "Makefile": _OWN_TARGET,
        f"src/{package.name}/ours.py": _OWN_MODULE,
    }
    for name, text in edits.items():
        path = project / name
        path.write_text((path.read_text() if path.exists() else "") + text)
    toml = project / "pyproject.toml"
    asked = '  "packaging>=24",\n'
    toml.write_text(re.sub(r"(?m)^dependencies = \[\n", rf"\g<0>{asked}", toml.read_text()))
    (project / _DELETED).unlink()
    return edits | {"pyproject.toml": asked.strip()}


def _test(unit: Unit, project: Path, version: str) -> Iterator[str]:
    """The upgraded project still passes its own tests."""
    need_packages(unit.spec.packages)
    setup = unit.run("make", "setup", cwd=project, log="upgrade", timeout=SETUP_LIMIT)
    tests = "--cov-fail-under=0"  # the owner's untested module is not the point
    done = unit.run(
        *("make", "test"),
        cwd=project,
        log="upgrade",
        timeout=LIMITS["test"] * slack() * 2,
        offline=True,
        extra={"PYTEST_ADDOPTS": tests},
    )
    if setup.code != 0 or done.code != 0:
        yield f"from v{version}: `make test` fails after the upgrade:\n{done.tail(20)}"
