"""Step 8, upgrade: repositories made with released versions come up to the template as it is now.

Each is edited the way owners edit before it is upgraded: their edits must survive, and what they
left alone must end exactly as the current template renders it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from packaging.version import Version

from .debian import need_packages
from .domain import Figures, Outcome, SkipStepError
from .step_run import LIMITS, slack
from .unit import Unit, git, program, render

_OWN_MODULE = '"""The owner\'s own."""\n\nOURS = "kept"\n'
_OWN_SECTION = "\n## The owner's notes\n\nKept through upgrades.\n"
_OWN_TARGET = "\n.PHONY: ours\nours: ## The owner's own verb\n\t@echo kept\n"
_DELETED = ".editorconfig"


def prove(unit: Unit) -> Outcome:
    """Upgrade from each released version; the newest of them is then set up and tested as well."""
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
        said = [*_upgrade(unit, project)]
        figures["upgrades"] = int(figures["upgrades"]) + 1
        if version == released[-1] and not said:
            said += _test(unit, project, figures)
        findings += (f"from v{version}: {each}" for each in said)
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


def _test(unit: Unit, project: Path, figures: Figures) -> Iterator[str]:
    """The upgraded project can be set up, linted, type-checked, and passes tests.

    But for the files that were merged it is the project that the other steps prove, to the byte,
    so these are the tests that look at a merged file. A deep proof runs all.
    """
    need_packages(unit.spec.packages)
    merged = sorted(_merged(unit, project))
    figures["merged_files"] = len(merged)
    chosen = [] if unit.deep else sorted(_looking_at(project, merged))
    figures["upgrade_test_files"] = len(chosen) if chosen else ("all" if unit.deep else 0)
    # The owner's untested module is not the point.
    options = {"PYTEST_ADDOPTS": " ".join(["--cov-fail-under=0", *chosen])}
    tested = ("test",) if unit.deep or chosen else ()
    with unit.in_place(project) as place:
        for target in ("lint", "typecheck", "ours", *tested):
            done = unit.run(
                *("make", target),
                cwd=place,
                log="upgrade",
                timeout=LIMITS["test"] * slack() * 2,
                offline=True,
                extra=options if target == "test" else {},
            )
            if done.code != 0:
                yield f"`make {target}` fails after the upgrade:\n{done.tail(20)}"


def _merged(unit: Unit, project: Path) -> Iterator[str]:
    """The files that are neither as the owner left them alone nor as the template has them."""
    wanted = unit.rendered()
    for name in git("-C", str(project), "ls-files", "-z").split("\0"):
        path, other = project / name, wanted / name
        if name and path.is_file() and other.is_file() and path.read_bytes() != other.read_bytes():
            yield name


def _looking_at(project: Path, merged: Sequence[str]) -> Iterator[str]:
    """The test files that name a merged file, or a module that it is."""
    names = {Path(name).name for name in merged} | {
        Path(name).stem for name in merged if name.endswith(".py")
    }
    words = re.compile("|".join(rf"\b{re.escape(name)}\b" for name in sorted(names)) or "(?!)")
    for path in sorted((project / "tests").rglob("test_*.py")):
        if words.search(path.read_text()):
            yield path.relative_to(project).as_posix()
