"""Compile the Jinja of a catalog and search it for traps, without running it.

It is parsed as Copier parses it: with its filters, and with the delimiters that `_envops` sets.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from jinja2 import TemplateSyntaxError, nodes

from mlops_scaffold.render.engine import environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# These differ from one render to the next, or from machine to machine.
_UNSTEADY_NAMES = frozenset(
    {
        *("_copier_operation", "_copier_phase", "_copier_python", "_folder_name"),
        *("lipsum", "make_secret", "now"),
    }
)
_UNSTEADY_FILTERS = frozenset(
    {
        *("ans_random", "expanduser", "expandvars", "fileglob", "random", "realpath", "relpath"),
        *("shuffle", "strftime"),
    }
)
_INCLUDING = (nodes.Extends, nodes.FromImport, nodes.Import, nodes.Include)
# The parts of a question that Copier renders.
QUESTION_TEXTS = (
    *("ask", "choices", "default", "help", "multiline", "placeholder", "type", "validator"),
    "when",
)


class Trap(NamedTuple):
    """Something wrong on a line of some Jinja text."""

    line: int
    rule: str
    message: str
    fix: str


class JinjaChecks:
    """Checks the Jinja texts of one catalog.

    Raises:
        ScaffoldError: Its `_envops` are broken.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._environment = environment(root)
        self._environment.optimized = False  # compiling would run constant expressions

    def check(self, text: str) -> Iterator[Trap]:
        """What is wrong with a text."""
        try:
            tree = self._environment.parse(text)
            self._environment.compile(tree)
        except TemplateSyntaxError as error:
            yield Trap(error.lineno, "syntax", error.message or "does not compile", "correct it")
            return
        except RecursionError:
            yield Trap(1, "syntax", "is nested too deeply to compile", "split it")
            return
        yield from self._includes(tree)
        yield from _unsteady(tree)

    def check_value(self, value: Any) -> Iterator[Trap]:
        """What is wrong with the texts in a YAML value, however deep."""
        if isinstance(value, str):
            yield from self.check(value)
        elif isinstance(value, dict):
            for key, item in value.items():
                yield from self.check_value(key)
                yield from self.check_value(item)
        elif isinstance(value, list):
            for item in value:
                yield from self.check_value(item)

    def _includes(self, tree: nodes.Template) -> Iterator[Trap]:
        for node in tree.find_all(_INCLUDING):
            target = getattr(node, "template", None)
            if not isinstance(target, nodes.Const) or not isinstance(target.value, str):
                continue  # computed, or a list of files: only rendering shows which
            inside = ".." not in Path(target.value).parts
            if inside and (
                getattr(node, "ignore_missing", False) or (self._root / target.value).is_file()
            ):
                continue
            yield Trap(
                node.lineno,
                "include",
                f"{target.value!r} is not a file of the catalog",
                "paths start at the catalog's root, like templates/_shared/license",
            )


def _unsteady(tree: nodes.Template) -> Iterator[Trap]:
    for node in tree.find_all((nodes.Name, nodes.Filter, nodes.Getattr)):
        if name := _unsteady_name(node):
            yield Trap(
                node.lineno,
                "unsteady",
                f"`{name}` differs from render to render, or from machine to machine",
                "use an answer, or leave it out: upgrades compare renders",
            )


def _unsteady_name(node: nodes.Node) -> str:
    match node:
        case nodes.Name(name=name, ctx="load") if name in _UNSTEADY_NAMES:
            return str(name)
        case nodes.Filter(name=name) if name in _UNSTEADY_FILTERS:
            return str(name)
        case nodes.Getattr(node=nodes.Name(name="_copier_conf"), attr=attr):
            return "" if attr == "answers_file" else f"_copier_conf.{attr}"
    return ""


def question_texts(details: Any) -> Mapping[str, Any]:
    """The parts of a question that Copier renders."""
    if not isinstance(details, dict):
        return {"default": details}
    return {key: details[key] for key in QUESTION_TEXTS if key in details}
