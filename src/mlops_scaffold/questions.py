"""The questions a project asks, read from its files: no Jinja is run and Copier isn't imported."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops_scaffold import yamlfile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlops_scaffold.yamlfile import Node

_NAME_ONLY = re.compile(r"\{\{\s*(\w+)\s*\}\}")


@dataclass(frozen=True)
class Question:
    """A question of a template.

    Attributes:
        key: Its name in `.copier-answers.yml`.
        short: Its name on the command line (`-d SHORT=VALUE`).
        type: Copier's name of its type (`str`, `int`, `bool`, ...).
        help: The question itself.
        default: Its default as far as it can be told without running Jinja; None if there is none.
        choices: The values to choose from; empty if any value of the type will do.
    """

    key: str
    short: str
    type: str
    help: str
    default: str | int | float | bool | None
    choices: tuple[str, ...]


def prefix_of(slug: str) -> str:
    """What the keys of a project's own questions start with."""
    return slug.replace("-", "_") + "_"


def read(root: Path, slug: str) -> tuple[Question, ...]:
    """The questions a project asks: the shared ones first, then its own.

    Args:
        root: The folder with `copier.yml` and `templates/`.
        slug: The project, which need not have a template.

    Raises:
        ScaffoldError: A file isn't valid YAML, or a question in it isn't one.
    """
    own = root / "templates" / slug / "questions.yml"
    known: dict[str, Any] = {"template": slug}
    found: list[Question] = []
    for file in (root / "copier.yml", own):
        for key, node in _entries(file):
            question = _question(key, node, slug, known)
            known[key] = question.default
            if node.child("when").value is not False and key != "template":
                found.append(question)
    return tuple(found)


def _entries(file: Path) -> Iterator[tuple[str, Node]]:
    """The questions in a file, with Copier's short form (`key: default`) left to `_question`."""
    for document in yamlfile.read(file) if file.is_file() else ():
        if document.value is not None:
            for key, node in document.entries():
                if not key.startswith("_"):
                    yield key, node if isinstance(node.value, dict) else node.wrap("default")


def _question(key: str, node: Node, slug: str, known: dict[str, Any]) -> Question:
    prefix = prefix_of(slug)
    default = node.child("default").value
    guessed = type(default).__name__ if isinstance(default, (bool, int, float)) else "str"
    choices = node.child("choices").value or ()
    if not isinstance(choices, (list, tuple, dict)):
        choices = ()  # computed by Jinja: only rendering can tell
    return Question(
        key=key,
        short=key.removeprefix(prefix),
        type=str(node.child("type").value or guessed),
        help=str(node.child("help").value or ""),
        default=_fill(default, known) if isinstance(default, str) else default,
        choices=tuple(map(_choice, choices.values() if isinstance(choices, dict) else choices)),
    )


def _choice(value: Any) -> str:
    """A choice's value: Copier also takes `[label, value]` and `{value: ...}`."""
    if isinstance(value, list) and value:
        return str(value[-1])
    return str(value.get("value")) if isinstance(value, dict) else str(value)


def _fill(default: str, known: dict[str, Any]) -> str | None:
    """`default` with plain `{{ name }}`s replaced, or None if it takes more than that."""
    filled = _NAME_ONLY.sub(lambda name: str(known.get(name[1], name[0])), default)
    return None if "{{" in filled or "{%" in filled else filled
