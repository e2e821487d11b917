"""What a catalog's changelog says about one template between two versions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

UNRELEASED = "Unreleased"
EVERY_TEMPLATE = "Every template"
"""Heading of what concerns all templates of a catalog."""
_VERSION = re.compile(r"^## +\[?(?P<name>[^\s\]]+)\]?.*$", re.MULTILINE)
_PART = re.compile(r"^### +(?P<name>.+?) *$", re.MULTILINE)


def between(
    text: str, old: Version, new: Version, *, template: str = "", templates: Collection[str] = ()
) -> str:
    """The sections after `old` up to `new`, newest first; "" if there are none.

    A development version includes what is not released yet. A section that is divided by template
    (`### model-service`) is cut down to the part of `template` and to `### Every template`.

    Args:
        text: The changelog, in the form of Keep a Changelog.
        old: The version to start from.
        new: The version to end with.
        template: Slug of the template that is upgraded.
        templates: Slugs of every template of the catalog.
    """
    parts = [
        _for_template(section, template, templates)
        for name, section in sections(text)
        if (name == UNRELEASED and new.is_devrelease and old != new) or _in(name, old, new)
    ]
    return "\n\n".join(part for part in parts if "\n" in part)


def sections(text: str) -> Iterator[tuple[str, str]]:
    """Name (a version, or "Unreleased") and text of each section that has any text."""
    for heading, section in _split(text, _VERSION):
        if "\n" in section:
            yield heading, section


def _for_template(section: str, template: str, templates: Collection[str]) -> str:
    parts = list(_split(section, _PART))
    if not any(name in templates for name, _ in parts):
        return section
    start = section[: section.index(parts[0][1])].strip()
    return "\n\n".join(
        [start, *(part for name, part in parts if name in (template, EVERY_TEMPLATE))]
    )


def _split(text: str, heading: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    """Name and text, heading included, of each part that starts with a heading."""
    found = list(heading.finditer(text))
    ends = [*(match.start() for match in found[1:]), len(text)]
    for match, end in zip(found, ends, strict=False):
        yield match["name"], text[match.start() : end].strip()


def _in(name: str, old: Version, new: Version) -> bool:
    try:
        return old < Version(name) <= new
    except InvalidVersion:
        return False
