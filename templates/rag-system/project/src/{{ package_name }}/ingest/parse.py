"""Reads documents: their text, and the blocks that it is made of."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import PurePosixPath
from typing import Any

from ..records import Block, Kind

KINDS: dict[str, Kind] = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".pdf": "pdf",
    ".txt": "text",
}
_FRONT_MATTER = re.compile(r"---\n.*?\n---\n", re.DOTALL)
_PARAGRAPH = re.compile(r"\S.*?(?=\s*(?:\n\s*\n|\Z))", re.DOTALL)
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_BLOCKS = frozenset(
    (*_HEADINGS, "p", "li", "dt", "dd", "pre", "tr", "blockquote", "td", "div", "body", "section")
)
_NOT_TEXT = ("script", "style", "nav", "header", "footer", "aside", "template", "noscript")


class ParseError(Exception):
    """A document can't be read; the message says why."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a file holds.

    Attributes:
        title: Its first heading or what its metadata says; else the file's name.
        text: See `Document.text`.
        blocks: In order, without overlap; headings are no blocks of their own.
    """

    title: str
    text: str
    blocks: tuple[Block, ...]


def parse(name: str, content: bytes) -> Parsed:
    """Read a file.

    Args:
        name: Its name; the ending tells the kind.
        content: Its bytes.

    Raises:
        ParseError: It is damaged, locked, or in another encoding than UTF-8.
    """
    path = PurePosixPath(name)
    title, text, blocks = _READERS[KINDS[path.suffix.lower()]](content)
    return Parsed(title or path.stem.replace("-", " ").replace("_", " "), text, tuple(blocks))


_Read = tuple[str, str, list[Block]]
_Part = tuple[str, str, int]
"""A piece of text, the path of headings, and how many headings came before."""


def _decode(content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ParseError(f"it is not UTF-8 (byte {error.start})") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _markdown(content: bytes) -> _Read:
    from markdown_it import MarkdownIt  # noqa: PLC0415 - heavy

    text = _decode(content)
    front = _FRONT_MATTER.match(text)
    skipped = text[: front.end()].count("\n") if front else 0
    lines = [0, *(match.end() for match in re.finditer("\n", text)), len(text) + 1]
    headings = _Headings()
    blocks = []
    tokens = MarkdownIt("commonmark").enable("table").parse(text[front.end() if front else 0 :])
    for index, token in enumerate(tokens):
        if token.level or token.map is None:
            continue
        if token.type == "heading_open":
            headings.enter(int(token.tag[1]), _plain(tokens[index + 1]))
            continue
        begin, end = (min(lines[line + skipped], len(text)) for line in token.map)
        if body := text[begin:end].strip():
            begin = text.index(body, begin)
            blocks.append(Block(begin, begin + len(body), headings.path(), headings.count))
    return headings.title, text, blocks


def _plain(token: Any) -> str:
    """The text of a heading, without its markup."""
    return "".join(child.content for child in token.children or ()).strip()


def _html(content: bytes) -> _Read:
    from bs4 import BeautifulSoup  # noqa: PLC0415 - heavy
    from bs4.element import NavigableString  # noqa: PLC0415

    soup = BeautifulSoup(_decode(content), "html.parser")
    title = soup.title.get_text(" ", strip=True) if soup.title else ""
    for element in soup([*_NOT_TEXT, "head"]):
        element.decompose()
    pieces: list[tuple[Any, list[str]]] = []
    for string in soup.find_all(string=True):
        words = " ".join(string.split())
        if type(string) is not NavigableString or not words:  # comments and the like
            continue
        owner = next((each for each in string.parents if each.name in _BLOCKS), soup)
        if pieces and pieces[-1][0] is owner:
            pieces[-1][1].append(words)
        else:
            pieces.append((owner, [words]))
    headings = _Headings()
    parts: list[_Part] = []
    for owner, strings in pieces:
        words = re.sub(r" ([.,;:!?)])", r"\1", " ".join(strings))
        if owner.name in _HEADINGS:
            headings.enter(int(owner.name[1]), words)
        else:
            parts.append((words, headings.path(), headings.count))
    return (headings.title or title, *_joined(parts))


def _pdf(content: bytes) -> _Read:
    from pypdf import PdfReader  # noqa: PLC0415 - heavy
    from pypdf.errors import PyPdfError  # noqa: PLC0415

    try:
        reader = PdfReader(BytesIO(content))
        pages = [page.extract_text() for page in reader.pages]
        title = (reader.metadata.title if reader.metadata else None) or ""
    # pypdf lets errors of all kinds out when a file is damaged.
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise ParseError(f"it is no PDF that can be read ({error})") from error
    parts = [
        (" ".join(page.split()), f"{title} > Page {number}" if title else f"Page {number}", number)
        for number, page in enumerate(pages, 1)
        if page.strip()
    ]
    if not parts:
        raise ParseError("there is no text in it; scanned pages need OCR first")
    return (title, *_joined(parts))


def _text(content: bytes) -> _Read:
    text = _decode(content)
    blocks = [Block(*match.span(), "") for match in _PARAGRAPH.finditer(text)]
    return "", text, blocks


def _joined(parts: list[_Part]) -> tuple[str, list[Block]]:
    """Pieces of text with their headings, as one text and its blocks."""
    blocks: list[Block] = []
    place = 0
    for words, heading, section in parts:
        blocks.append(Block(place, place + len(words), heading, section))
        place += len(words) + 2
    return "\n\n".join(words for words, *_ in parts), blocks


class _Headings:
    """The headings that the current place stands under."""

    def __init__(self) -> None:
        self.title = ""
        self.count = 0
        self._open: list[tuple[int, str]] = []

    def enter(self, level: int, words: str) -> None:
        """A heading: it closes those of its own level and below."""
        self.title = self.title or words
        self.count += 1
        self._open = [each for each in self._open if each[0] < level]
        self._open.append((level, words))

    def path(self) -> str:
        return " > ".join(words for _, words in self._open)


_READERS: dict[Kind, Callable[[bytes], _Read]] = {
    "markdown": _markdown,
    "html": _html,
    "pdf": _pdf,
    "text": _text,
}
