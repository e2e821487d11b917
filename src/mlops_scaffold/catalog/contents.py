"""What a template asks, read from its files: no Jinja runs and Copier is not imported.

This is for `show` and for completion, which must be quick and safe; `new` asks through Copier.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops_scaffold.catalog import copier_yml

if TYPE_CHECKING:
    from pathlib import Path

    from mlops_scaffold.catalog.copier_yml import Entry

_NAME_ONLY = re.compile(r"\{\{\s*(\w+)\s*\}\}")


@dataclass(frozen=True)
class Question:
    """A question of a template.

    Attributes:
        key: Its name in `.copier-answers.yml`.
        short: Its name on the command line (`-d SHORT=VALUE`).
        type: Copier's name of its type (`str`, `int`, `bool`, ...).
        help: The question itself.
        default: Its default as far as it is known without running Jinja; None if there is none.
        choices: The values to choose from; empty if any value of the type will do.
    """

    key: str
    short: str
    type: str
    help: str
    default: str | int | float | bool | None
    choices: tuple[str, ...]


def questions(root: Path, slug: str) -> tuple[Question, ...]:
    """The questions a project asks: the shared ones first, then its own.

    Args:
        root: The folder with `copier.yml` and `templates/`.
        slug: The project, which need not have a template; "" where `root` is a Copier template of
            its own.

    Raises:
        ScaffoldError: `copier.yml` or a file it includes can't be read.
    """
    known: dict[str, Any] = {"template": slug} if slug else {}
    found: list[Question] = []
    for entry in copier_yml.entries(root):
        if entry.is_setting or entry.only_for not in {None, slug}:
            continue
        question = _question(entry, slug, known)
        known.setdefault(entry.key, question.default)
        if entry.asked_by(slug) and not (slug and entry.key == "template"):
            found.append(question)
    return tuple(found)


def _question(entry: Entry, slug: str, known: dict[str, Any]) -> Question:
    # Copier's short form is `key: default`.
    said = entry.value if isinstance(entry.value, dict) else {"default": entry.value}
    prefix = slug.replace("-", "_") + "_" if slug else ""
    default = said.get("default")
    guessed = type(default).__name__ if isinstance(default, (bool, int, float)) else "str"
    choices = said.get("choices") or ()
    if not isinstance(choices, (list, tuple, dict)):
        choices = ()  # computed by Jinja: only rendering can tell
    return Question(
        key=entry.key,
        short=entry.key.removeprefix(prefix),
        type=str(said.get("type") or guessed),
        help=str(said.get("help") or ""),
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
    filled = _named(default, known)
    return None if "{{" in filled or "{%" in filled else filled


def _named(text: str, known: dict[str, Any]) -> str:
    return _NAME_ONLY.sub(lambda name: str(known.get(name[1]) or name[0]), text)
