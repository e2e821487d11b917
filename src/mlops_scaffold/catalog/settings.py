"""Copier's settings that no template may use here: why not, and what would be missing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_scaffold.catalog.yamlfile import Node

_REASONS = {
    "_tasks": "it runs commands on this machine after rendering",
    "_migrations": "it runs commands on this machine during an upgrade",
    "_jinja_extensions": "it loads Python code into the rendering",
    "_external_data": "it reads files that are not part of the template",
    "_preserve_symlinks": "links could lead out of the project",
}  # the gravest first
_OUTSIDE = re.compile(r"^[/\\]|^[A-Za-z]:|(?:^|[/\\])\.\.(?:$|[/\\])")
_SHOWN, _LONGEST = 3, 60


def severity(key: str) -> int:
    """The place of a setting among the refused ones, the gravest first."""
    return [*_REASONS, key].index(key)


def refuse(key: str, node: Node) -> NoReturn:
    """Refuse a setting.

    Raises:
        ScaffoldError: Always; it names the line, the reason and what would be left out.
    """
    reason = _REASONS.get(key, "what it does is not known here")
    parts = list(_parts(node.value))
    missing = ", ".join(f"`{_short(part)}`" for part in parts[:_SHOWN])
    more = f" and {len(parts) - _SHOWN} more" if len(parts) > _SHOWN else ""
    without = f". Left out would be {missing}{more}" if parts else ""
    node.fail(
        f"refused: {reason}, and a template may not run code, nor read or write outside its"
        f" project{without}",
        hint="authors: remove it, then check with: mlops-scaffold catalog lint. Users who read and"
        " trust the template: copier copy --trust",
    )


def check_answers_file(node: Node) -> None:
    """Refuse a name for the answers file that leads out of the project.

    Raises:
        ScaffoldError: It does.
    """
    if not isinstance(node.value, str) or _OUTSIDE.search(node.value):
        node.fail("refused: it must be a path inside the project")


def _parts(value: Any) -> Iterator[str]:
    """The commands, extensions or files that a setting lists, in words."""
    if isinstance(value, dict):
        known = [value[key] for key in ("command", "before", "after") if key in value]
        for part in known or value.values():
            yield from _parts(part)
    elif isinstance(value, list):
        for part in value:
            if isinstance(part, list) and all(isinstance(word, (str, int)) for word in part):
                yield " ".join(map(str, part))  # a command and its arguments
            else:
                yield from _parts(part)
    elif isinstance(value, str):
        yield value


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."
