"""Move a template's pins to the newest versions, if the template still proves itself with them."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import spec
from .domain import StepResult
from .prove import prove_unit, unit_for
from .unit import BrokenTemplateError

STEPS = ("render", "read", "run", "keep-up")
_PIN = re.compile(r"^([A-Za-z0-9][\w.-]*)==(\S+)")


@dataclass(frozen=True)
class Freshened:
    """What became of one template: `moved` are packages as `name old -> new`."""

    template: str
    moved: tuple[str, ...]
    findings: tuple[str, ...] = ()
    culprit: str = ""  # the move that breaks it


def freshen(root: Path, slug: str, tell: Callable[[StepResult], None]) -> Freshened:
    """Resolve, prove, and rewrite the template's constraints.txt when all is well."""
    template = root / "templates" / slug / "project" / "constraints.txt"
    old = _pins(template.read_text())
    try:
        new = _pins(_resolve(root, slug))
    except BrokenTemplateError as problem:
        return Freshened(slug, (), (str(problem),), "it is broken as it is")
    names = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
    moved = tuple(f"{name} {_versions(old, name)} -> {_versions(new, name)}" for name in names)
    if not names:
        return Freshened(slug, ())
    findings = _prove(root, slug, new, tell)
    if not findings:
        template.write_text(_text(new))
        return Freshened(slug, moved)
    # The first of the moves that can't be made, by halving: all together fail, none passes.
    good, bad = 0, len(names)
    while bad - good > 1:
        middle = (good + bad) // 2
        some = {name: new.get(name, []) for name in names[:middle]}
        if _prove(root, slug, old | some, tell):
            bad = middle
        else:
            good = middle
    return Freshened(slug, moved, findings, moved[bad - 1])


def _resolve(root: Path, slug: str) -> str:
    """The newest versions, as the project's own `make lock` finds them."""
    template = spec.load(root, slug)
    with unit_for(root, template, template.answer_sets[0]) as unit:
        folder = unit.installed()
        done = unit.run("make", "lock", cwd=folder, log="lock", timeout=600)
        if done.code != 0:
            message = f"`make lock` fails:\n{done.tail()}"
            raise BrokenTemplateError(message)
        return (folder / "constraints.txt").read_text()


def _prove(
    root: Path, slug: str, pinned: dict[str, list[str]], tell: Callable[[StepResult], None]
) -> tuple[str, ...]:
    """Prove the template with these pins; gives what failed."""
    template = spec.load(root, slug)
    with tempfile.TemporaryDirectory() as folder:
        pins = Path(folder) / "constraints.txt"
        pins.write_text(_text(pinned))
        with unit_for(root, template, template.answer_sets[0], constraints=pins) as unit:
            results = prove_unit(unit, STEPS, tell)
            shutil.copy(pins, unit.results / "constraints.txt")
    return tuple(
        f"{each.step}: {finding}"
        for each in results
        if each.status == "failed"
        for finding in each.findings
    )


def _pins(text: str) -> dict[str, list[str]]:
    """Lines by package: one package may be pinned twice, for different interpreters."""
    pins: dict[str, list[str]] = {}
    for line in text.splitlines():
        if match := _PIN.match(line):
            pins.setdefault(match[1], []).append(line)
    return pins


def _text(pins: dict[str, list[str]]) -> str:
    return "".join(f"{line}\n" for name in sorted(pins) for line in pins[name])


def _versions(pins: dict[str, list[str]], name: str) -> str:
    found = [match[2] for line in pins.get(name, []) if (match := _PIN.match(line))]
    return "/".join(found) or "none"
