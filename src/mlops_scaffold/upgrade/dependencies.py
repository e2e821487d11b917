"""Dependencies of `pyproject.toml`, merged entry by entry.

Git merges lines: two changes to neighbouring entries of one list conflict, though they have nothing
to do with each other. So the lists are merged first, by the name of what is depended on, and the
result is put into all three sides: what is left for git is the rest of the file.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

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
class Span:
    """A list in a file: where it stands and what is in it."""

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
    theirs: str
    notes: tuple[str, ...]


@dataclass
class _Lists:
    """One list on its way: the entries of the three sides, in their final order."""

    rows: list[tuple[Item | None, Item | None, Item | None]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def merge(base: str, ours: str, theirs: str) -> Merged:
    """Merge the dependency lists of three versions of a `pyproject.toml`.

    Where both sides changed the same entry, the owner's stays if some version satisfies both, and
    is left for git to report as a conflict if none does. Text that isn't valid TOML, or lists that
    aren't on all three sides, are left alone.
    """
    sides = [_lists(text) for text in (base, ours, theirs)]
    notes: list[str] = []
    edits: list[tuple[tuple[Span, Span, Span], tuple[str, str, str]]] = []
    for key in sides[0].keys() & sides[1].keys() & sides[2].keys():
        spans = (sides[0][key], sides[1][key], sides[2][key])
        texts, said = _merge_list(*spans)
        notes += said
        edits.append((spans, texts))
    replaced = [
        _replace(text, [(spans[side], texts[side]) for spans, texts in edits])
        for side, text in enumerate((base, ours, theirs))
    ]
    if not all(map(_valid, replaced)):
        return Merged(base, ours, theirs, ())
    return Merged(replaced[0], replaced[1], replaced[2], tuple(sorted(notes)))


def _merge_list(base: Span, ours: Span, theirs: Span) -> tuple[tuple[str, str, str], list[str]]:
    """The text of one list for the three sides, the same but for conflicts."""
    if ours.text == base.text:
        return (theirs.text,) * 3, []
    if theirs.text in (base.text, ours.text):
        return (ours.text,) * 3, []
    merged = _Lists()
    for key in _order(ours, theirs):
        _merge_item(merged, base.items.get(key), ours.items.get(key), theirs.items.get(key))
    for key in (base.items.keys() - ours.items.keys()) & theirs.items.keys():
        if base.items[key].value != theirs.items[key].value:
            merged.notes.append(f"{_plain(theirs.items[key])}: stays removed, as you removed it")
    tail = ours.tail if ours.tail != base.tail else theirs.tail
    layout = theirs.text if "\n" in theirs.text else ours.text
    sides = ([row[side] for row in merged.rows] for side in range(3))
    one, two, three = (_text([item for item in side if item], tail, layout) for side in sides)
    return (one, two, three), merged.notes


def _merge_item(merged: _Lists, base: Item | None, ours: Item | None, theirs: Item | None) -> None:
    """Decide one entry; `merged` gets the row, and a note where a wish was not followed."""
    if _same(ours, base):
        result = theirs
        if theirs and ours and base and ours != base:  # their comments, our entry
            result = Item(theirs.value, ours.above, ours.beside)
    elif _same(theirs, base) or _same(theirs, ours) or ours is None or theirs is None:
        result = ours
        if ours and base and not theirs:
            merged.notes.append(f"{_plain(ours)}: kept, though the template no longer uses it")
    elif _compatible(ours, theirs):
        result = ours
        merged.notes.append(f"{_plain(ours)}: yours stays; the template asks {_plain(theirs)}")
    else:
        merged.rows.append((base, ours, theirs))
        return
    merged.rows.append((result, result, result))


def _same(one: Item | None, other: Item | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.value == other.value


def _compatible(ours: Item, theirs: Item) -> bool:
    """Whether some version satisfies both requirements."""
    one, other = _requirement(ours.value), _requirement(theirs.value)
    if one is None or other is None or one.url or other.url:
        return False
    both = SpecifierSet(str(one.specifier)) & SpecifierSet(str(other.specifier))
    # If any version satisfies both, then so does one at, just below or just above a bound.
    bounds = [Version(spec.version.removesuffix(".*")) for spec in both if spec.operator != "==="]
    near = {Version("0"), Version("99999")}
    for bound in bounds:
        release = [*bound.release, 0, 0][: max(3, len(bound.release))]
        near |= {bound, Version(".".join(map(str, [*release[:-1], release[-1] + 1])))}
        for place, number in enumerate(release):
            if number:
                below = [*release[:place], number - 1, *[99999] * (len(release) - place - 1)]
                near.add(Version(".".join(map(str, below))))
    return any(both.contains(version, prereleases=True) for version in near)


def _order(ours: Span, theirs: Span) -> list[str]:
    """The template's order; entries of the owner's own follow what they followed."""
    order = list(theirs.items)
    previous = ""
    for key in ours.items:
        if key not in order:
            order.insert(order.index(previous) + 1 if previous in order else 0, key)
        previous = key
    return [key for key in order if key in ours.items or key in theirs.items]


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


def _lists(text: str) -> dict[str, Span]:
    """The dependency lists of a file, by table and key; unusual ones are left out."""
    if not _valid(text):
        return {}
    headers = [*_HEADER.finditer(text), None]
    found: dict[str, Span] = {}
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


def _scan(text: str, start: int) -> Span | None:
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
            return Span(start, place, text[start:place], items, tuple(above))
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


def _replace(text: str, edits: list[tuple[Span, str]]) -> str:
    for span, new in sorted(edits, key=lambda edit: edit[0].start, reverse=True):
        text = text[: span.start] + new + text[span.end :]
    return text


def _valid(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True
