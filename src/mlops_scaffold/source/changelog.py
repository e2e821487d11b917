"""What a changelog says of the way from one version to another."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

if TYPE_CHECKING:
    from collections.abc import Iterator

UNRELEASED = "Unreleased"
_HEADING = re.compile(r"^## +\[?(?P<name>[^\s\]]+)\]?.*$", re.MULTILINE)


def between(text: str, old: Version, new: Version) -> str:
    """The sections after `old` up to `new`, newest first; "" if there are none.

    A development version includes what is not released yet.
    """
    parts = [
        section
        for name, section in sections(text)
        if (name == UNRELEASED and new.is_devrelease and old != new) or _in(name, old, new)
    ]
    return "\n\n".join(parts)


def sections(text: str) -> Iterator[tuple[str, str]]:
    """Name (a version, or "Unreleased") and text of each section that has any."""
    headings = list(_HEADING.finditer(text))
    for heading, following in zip(headings, [*headings[1:], None], strict=True):
        section = text[heading.start() : following.start() if following else len(text)].strip()
        if "\n" in section:
            yield heading["name"], section


def _in(name: str, old: Version, new: Version) -> bool:
    try:
        return old < Version(name) <= new
    except InvalidVersion:
        return False
