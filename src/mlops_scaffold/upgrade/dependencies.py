"""Dependencies of `pyproject.toml`, merged entry by entry.

Git merges lines: two changes to neighbouring entries of one list conflict, though they have nothing
to do with each other. So the lists are merged first, by the name of what is depended on, and the
result is put into all three sides: what is left for git is the rest of the file.

Why the lists are read here and not by tomlkit (0.15 was tried): its arrays give no access to the
comments of an entry. Removing an entry leaves the comment above it to the next one, and one side's
comment can't be combined with another side's version. It also costs 0.09 CPU seconds to import, and
nine times tomllib's time to parse. Whether two requirements can both hold is packaging's answer.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

_TABLES = re.compile(r"^(build-system|project|project\.optional-dependencies|dependency-groups)$")
_PROJECT_KEYS = {"build-system": {"requires"}, "project": {"dependencies"}}
_HEADER = re.compile(r"^[ \t]*\[([^\[\]\n]+)\][ \t]*(?:#.*)?$", re.MULTILINE)
_LIST = re.compile(r"^[ \t]*(?P<key>[A-Za-z0-9_-]+|\"[^\"\n]+\")[ \t]*=[ \t]*(?=\[)", re.MULTILINE)
_TOKEN = re.compile(
    r"""(?P<comment>\#[^\n]*)|(?P<string>"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
    r"""|(?P<table>\{[^{}\n]*\})|(?P<comma>,)|(?P<close>\])|(?P<newline>\r?\n)|(?P<blank>[ \t]+)"""
)


class Item(NamedTuple):
    """One entry of a list, with the comments that belong to it."""

    value: str  # as written: a quoted requirement, or an inline table
    above: tuple[str, ...] = ()
    beside: str = ""


@dataclass(frozen=True)
class DependencyList:
    """A list in a file: its place and its entries."""

    start: int
    end: int
    text: str
    items: dict[str, Item]  # by what is depended on
    tail: tuple[str, ...]  # comments after the last entry


@dataclass(frozen=True)
class Merged:
    """The three sides with their lists replaced, and what a person should know."""

    base: str
    ours: str
    new: str
    notes: tuple[str, ...]


class _Row(NamedTuple):
    """One entry of the merged list on each side: the same on all, but for conflicts."""

    base: Item | None
    ours: Item | None
    new: Item | None
    note: str = ""  # where a change of the template was not followed


def merge(base: str, ours: str, new: str) -> Merged:
    """Merge the dependency lists of three versions of a `pyproject.toml`.

    Where both sides changed the same entry, the owner's stays if some version satisfies both, and
    is left for git to report as a conflict if none does. Text that isn't valid TOML, or lists that
    aren't on all three sides, are left alone.
    """
    sides = [_lists(text) for text in (base, ours, new)]
    notes: list[str] = []
    edits: list[tuple[tuple[DependencyList, ...], tuple[str, str, str]]] = []
    for key in sides[0].keys() & sides[1].keys() & sides[2].keys():
        texts, said = _merge_list(sides[0][key], sides[1][key], sides[2][key])
        notes += said
        edits.append((tuple(side[key] for side in sides), texts))
    replaced = [
        _replace(text, [(lists[side], texts[side]) for lists, texts in edits])
        for side, text in enumerate((base, ours, new))
    ]
    if not all(map(_valid, replaced)):
        return Merged(base, ours, new, ())
    return Merged(replaced[0], replaced[1], replaced[2], tuple(sorted(notes)))


def _merge_list(
    base: DependencyList, ours: DependencyList, new: DependencyList
) -> tuple[tuple[str, str, str], list[str]]:
    """The text of one list for the three sides, and the notes on it."""
    if ours.text == base.text:
        return (new.text,) * 3, []
    if new.text in (base.text, ours.text):
        return (ours.text,) * 3, []
    rows = [
        _merge_item(base.items.get(key), ours.items.get(key), new.items.get(key))
        for key in _order(ours, new)
    ]
    notes = [row.note for row in rows if row.note]
    notes += [
        f"{_plain(new.items[key])}: stays removed, as you removed it"
        for key in (base.items.keys() - ours.items.keys()) & new.items.keys()
        if base.items[key].value != new.items[key].value
    ]
    tail = ours.tail if ours.tail != base.tail else new.tail
    layout = new.text if "\n" in new.text else ours.text
    texts = (
        _text([item for item in side if item], tail, layout)
        for side in ([r.base for r in rows], [r.ours for r in rows], [r.new for r in rows])
    )
    return (next(texts), next(texts), next(texts)), notes


def _merge_item(base: Item | None, ours: Item | None, new: Item | None) -> _Row:
    """Decide one entry."""
    note = ""
    if _same(ours, base):
        result = new
        if new and ours and base and ours != base:  # the owner's comments, the template's entry
            result = Item(new.value, ours.above, ours.beside)
    elif _same(new, base) or _same(new, ours) or ours is None or new is None:
        result = ours
        if ours and base and not new:
            note = f"{_plain(ours)}: kept, though the template no longer uses it"
    elif _compatible(ours, new):
        result = ours
        note = f"{_plain(ours)}: yours stays; the template asks for {_plain(new)}"
    else:
        return _Row(base, ours, new)
    return _Row(result, result, result, note)


def _same(one: Item | None, other: Item | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.value == other.value


def _compatible(ours: Item, new: Item) -> bool:
    """Whether some version satisfies both requirements."""
    one, other = _requirement(ours.value), _requirement(new.value)
    if one is None or other is None or one.url or other.url:
        return False
    return not (one.specifier & other.specifier).is_unsatisfiable()


def _order(ours: DependencyList, new: DependencyList) -> list[str]:
    """The template's order; an entry that the owner added follows the one it followed."""
    order = list(new.items)
    previous = ""
    for key in ours.items:
        if key not in order:
            order.insert(order.index(previous) + 1 if previous in order else 0, key)
        previous = key
    return [key for key in order if key in ours.items or key in new.items]


def _text(items: list[Item], tail: tuple[str, ...], layout: str) -> str:
    """A list as text, one entry a line, indented as `layout` is."""
    newline = "\r\n" if "\r\n" in layout else "\n"
    indent = re.search(r"\n([ \t]+)[^\s\]]", layout)
    step = indent[1] if indent else "  "
    lines = ["["]
    for item in items:
        lines += [step + comment for comment in item.above]
        lines.append(f"{step}{item.value},{f'  {item.beside}' if item.beside else ''}")
    lines += [step + comment for comment in tail]
    closing = re.search(r"\n([ \t]*)\]$", layout)
    return newline.join([*lines, f"{closing[1] if closing else ''}]"])


def _lists(text: str) -> dict[str, DependencyList]:
    """The dependency lists of a file, by table and key; unusual ones are left out."""
    if not _valid(text):
        return {}
    headers = [*_HEADER.finditer(text), None]
    found: dict[str, DependencyList] = {}
    for header, following in pairwise(headers):
        table = header[1].replace(" ", "") if header else ""
        if not header or not _TABLES.match(table):
            continue
        end = following.start() if following else len(text)
        place = header.end()
        while place < end and (match := _LIST.search(text, place, end)):
            span = _scan(text, match.end())
            place = span.end if span else match.end() + 1
            if span and match["key"] in _PROJECT_KEYS.get(table, {match["key"]}):
                found[f"{table}.{match['key']}"] = span
    return found


def _scan(text: str, start: int) -> DependencyList | None:
    """Read a list whose bracket opens at `start`; None if it holds anything unusual."""
    items: dict[str, Item] = {}
    above: list[str] = []
    fresh_line, place = True, start + 1
    last = ""
    while token := _TOKEN.match(text, place):
        place = token.end()
        kind, word = token.lastgroup, token[0]
        if kind in ("string", "table"):
            fresh_line = False
            last = _key(word)
            if last in items:
                return None
            items[last], above = Item(word, tuple(above)), []
        elif kind == "comment" and (fresh_line or not last):
            above.append(word)
        elif kind == "comment":
            items[last] = items[last]._replace(beside=word)
        elif kind == "newline":
            fresh_line = True
        elif kind == "close":
            return DependencyList(start, place, text[start:place], items, tuple(above))
    return None


def _key(value: str) -> str:
    """What an entry is about: the package, with its marker; or the entry itself."""
    requirement = _requirement(value)
    if requirement is None:
        return value
    marker = f"; {requirement.marker}" if requirement.marker else ""
    return canonicalize_name(requirement.name) + marker


def _requirement(value: str) -> Requirement | None:
    try:
        return Requirement(_plain(Item(value)))
    except InvalidRequirement:
        return None


def _plain(item: Item) -> str:
    return item.value[1:-1] if item.value[0] in "\"'" else item.value


def _replace(text: str, edits: list[tuple[DependencyList, str]]) -> str:
    for span, new in sorted(edits, key=lambda edit: edit[0].start, reverse=True):
        text = text[: span.start] + new + text[span.end :]
    return text


def _valid(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True
