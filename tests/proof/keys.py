"""The key of a step: a digest of everything that can change its outcome.

A record holds for as long as the key computed from the tree is the one that it was made with. What
goes into a key is kept apart by kind, so that a change can be named.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from . import pythons
from .closure import Package, closure
from .domain import AnswerSet, Spec
from .spec import questions
from .steps import STEPS

_HARNESS = Package(Path(__file__).parent, "tests.proof")
_TOOLS = _HARNESS.folder / "tools.py"
_LOADED = {path: path.read_bytes() for path in _HARNESS.folder.glob("*.py")}

Inputs = dict[str, str]


def inputs(root: Path, spec: Spec, answers: AnswerSet, step: str, rendered: str) -> Inputs:
    """The digest of each kind of thing that can change the outcome of a step.

    Args:
        root: The checkout.
        spec: The template's `proof.yml`.
        answers: The answer set.
        step: The step.
        rendered: The digest of the project that these answers give.
    """
    chosen = STEPS[step]
    modules = _modules(step)
    found = {
        "rendered files": rendered,
        "answers": _digest(answers.answers),
        "harness": _files(_HARNESS.folder, modules),
        "Python versions": _digest([pythons.OLDEST, pythons.NEWEST]),
    }
    if chosen.facts:
        found["proof.yml"] = _digest({name: asdict(spec)[name] for name in chosen.facts})
    if chosen.questions:
        found["questions"] = _digest(questions(root, spec.slug))
    if _TOOLS in modules:
        found["tools.txt"] = _files(_HARNESS.folder, [_TOOLS.with_suffix(".txt")])
    if chosen.check:
        scripts = Package(root / "tests" / "proof" / "e2e")
        script = scripts.folder / f"{spec.slug.replace('-', '_')}.py"
        there = closure(scripts, script) if script.is_file() else ()
        found["end-to-end check"] = _files(scripts.folder, there)
    if chosen.upgrades:
        found["released history"] = _files(root, [root / "releases" / "index.yaml"])
        found["upgrade engine"] = _files(root, _engine(root))
    return {kind: digest[:16] for kind, digest in found.items()}


def key(found: Inputs, *, deep: bool) -> str:
    """The key that these inputs give; a deep proof (`make prove-all`) does more, so has its own."""
    return _digest({"inputs": found, "deep": deep})[:32]


def as_loaded(step: str) -> bool:
    """Whether the modules of a step are on disk as they were when this process began."""
    return all(_LOADED.get(path) == path.read_bytes() for path in _modules(step))


def _modules(step: str) -> frozenset[Path]:
    name = STEPS[step].prove.__module__.rpartition(".")[2]
    return closure(_HARNESS, _HARNESS.folder / f"{name}.py")


def _engine(root: Path) -> Iterable[Path]:
    """The program's modules that take part in an upgrade: `upgrade/` and what it imports.

    What the others do to a template shows in the rendered files.
    """
    package = Package(root / "src" / "mlops_scaffold", "mlops_scaffold")
    return closure(package, *sorted((package.folder / "upgrade").rglob("*.py")))


def _files(folder: Path, paths: Iterable[Path]) -> str:
    """A digest of files: their paths in `folder`, and their bytes."""
    rows = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in paths
        if path.is_file()
    }
    return _digest(rows)


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
