"""Which modules a module imports, and so which files can change what it does."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Package:
    """A folder of modules; `name` is what imports begin with, nothing for a folder of scripts."""

    folder: Path
    name: str = ""

    def file(self, dotted: str) -> Path | None:
        """The file of a module or package, None for one that is not of this package."""
        if self.name:
            head, _, dotted = (dotted + ".").partition(self.name + ".")
            if head:
                return None
            dotted = dotted.rstrip(".")
        if not dotted:
            return None  # the package itself: it holds a version, and re-exports
        base = self.folder.joinpath(*dotted.split("."))
        candidates = (base.with_name(base.name + ".py"), base / "__init__.py")
        return next((path for path in candidates if path.is_file()), None)


@cache
def closure(package: Package, *start: Path) -> frozenset[Path]:
    """The files in `start` and all that they import of the package, directly or not."""
    found: set[Path] = set()
    waiting = list(start)
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _imported(package, path)
    return frozenset(found)


def _imported(package: Package, path: Path) -> Iterator[Path]:
    inside = path.relative_to(package.folder).with_suffix("").parts
    parents = [package.name, *inside[:-1]] if package.name else [*inside[:-1]]
    for dotted in _names(ast.parse(path.read_bytes()), parents):
        parts = dotted.split(".")
        for length in range(1, len(parts) + 1):  # importing a.b.c runs a and a.b first
            if file := package.file(".".join(parts[:length])):
                yield file


def _names(node: ast.AST, parents: list[str]) -> Iterator[str]:
    """What is imported in `node`, wherever in it; not what is for type checkers alone."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        above = parents[: len(parents) - node.level + 1] if node.level else []
        base = ".".join([*above, *filter(None, [node.module])])
        yield base
        yield from (f"{base}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
        return
    else:
        for child in ast.iter_child_nodes(node):
            yield from _names(child, parents)
