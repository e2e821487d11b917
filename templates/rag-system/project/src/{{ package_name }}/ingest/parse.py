"""Parses documents into their text and the blocks that it consists of."""

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
    """The contents of a file.

    Attributes:
        title: The first heading, or the title in the metadata, or the file's name.
        text: See `Document.text`.
        blocks: In order and without overlap; a heading is not a block.
    """

    title: str
    text: str
    blocks: tuple[Block, ...]


def parse(name: str, content: bytes) -> Parsed:
    """Parse a file.

    Args:
        name: The file's name; its suffix determines the kind.
        content: The file's bytes.

    Raises:
        ParseError: It is damaged, encrypted, or not UTF-8.
    """
    path = PurePosixPath(name)
    title, text, blocks = _PARSERS[KINDS[path.suffix.lower()]](content)
    return Parsed(title or path.stem.replace("-", " ").replace("_", " "), text, tuple(blocks))


_Parsed = tuple[str, str, list[Block]]
_Part = tuple[str, str, int]
"""A piece of text, its heading path, and the number of headings before it."""


def _decode(content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ParseError(f"not UTF-8 (byte {error.start})") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _markdown(content: bytes) -> _Parsed:
    from markdown_it import MarkdownIt  # noqa: PLC0415 - heavy

    text = _decode(content)
    front_matter = _FRONT_MATTER.match(text)
    body_start = front_matter.end() if front_matter else 0
    skipped_lines = text[:body_start].count("\n")
    line_starts = [0, *(match.end() for match in re.finditer("\n", text)), len(text) + 1]
    headings = _Headings()
    blocks = []
    tokens = MarkdownIt("commonmark").enable("table").parse(text[body_start:])
    for index, token in enumerate(tokens):
        if token.level or token.map is None:
            continue
        if token.type == "heading_open":
            headings.enter(int(token.tag[1]), _plain(tokens[index + 1]))
            continue
        start, end = (min(line_starts[line + skipped_lines], len(text)) for line in token.map)
        if body := text[start:end].strip():
            start = text.index(body, start)
            blocks.append(Block(start, start + len(body), headings.path(), headings.count))
    return headings.title, text, blocks


def _plain(token: Any) -> str:
    """Return the text of a heading without its markup."""
    return "".join(child.content for child in token.children or ()).strip()


def _html(content: bytes) -> _Parsed:
    from bs4 import BeautifulSoup  # noqa: PLC0415 - heavy
    from bs4.element import NavigableString  # noqa: PLC0415

    soup = BeautifulSoup(_decode(content), "html.parser")
    title = soup.title.get_text(" ", strip=True) if soup.title else ""
    for element in soup([*_NOT_TEXT, "head"]):
        element.decompose()
    pieces: list[tuple[Any, list[str]]] = []
    for string in soup.find_all(string=True):
        words = " ".join(string.split())
        if type(string) is not NavigableString or not words:  # skips comments and the like
            continue
        block = next((each for each in string.parents if each.name in _BLOCKS), soup)
        if pieces and pieces[-1][0] is block:
            pieces[-1][1].append(words)
        else:
            pieces.append((block, [words]))
    headings = _Headings()
    parts: list[_Part] = []
    for block, strings in pieces:
        words = re.sub(r" ([.,;:!?)])", r"\1", " ".join(strings))
        if block.name in _HEADINGS:
            headings.enter(int(block.name[1]), words)
        else:
            parts.append((words, headings.path(), headings.count))
    return (headings.title or title, *_joined(parts))


def _pdf(content: bytes) -> _Parsed:
    from pypdf import PdfReader  # noqa: PLC0415 - heavy
    from pypdf.errors import PyPdfError  # noqa: PLC0415

    try:
        reader = PdfReader(BytesIO(content))
        pages = [page.extract_text() for page in reader.pages]
        title = (reader.metadata.title if reader.metadata else None) or ""
    # For damaged files, pypdf raises errors of all these kinds.
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise ParseError(f"not a readable PDF ({error})") from error
    parts = [
        (" ".join(page.split()), f"{title} > Page {number}" if title else f"Page {number}", number)
        for number, page in enumerate(pages, 1)
        if page.strip()
    ]
    if not parts:
        raise ParseError("it contains no text; scanned pages need OCR first")
    return (title, *_joined(parts))


def _text(content: bytes) -> _Parsed:
    text = _decode(content)
    blocks = [Block(*match.span(), "") for match in _PARAGRAPH.finditer(text)]
    return "", text, blocks


def _joined(parts: list[_Part]) -> tuple[str, list[Block]]:
    """Join pieces of text with their headings into one text and its blocks."""
    blocks: list[Block] = []
    start = 0
    for words, heading, section in parts:
        blocks.append(Block(start, start + len(words), heading, section))
        start += len(words) + 2
    return "\n\n".join(words for words, *_ in parts), blocks


class _Headings:
    """The headings above the current position."""

    def __init__(self) -> None:
        self.title = ""
        self.count = 0
        self._open: list[tuple[int, str]] = []

    def enter(self, level: int, words: str) -> None:
        """Enter a heading: it closes all headings of its level and below."""
        self.title = self.title or words
        self.count += 1
        self._open = [each for each in self._open if each[0] < level]
        self._open.append((level, words))

    def path(self) -> str:
        return " > ".join(words for _, words in self._open)


_PARSERS: dict[Kind, Callable[[bytes], _Parsed]] = {
    "markdown": _markdown,
    "html": _html,
    "pdf": _pdf,
    "text": _text,
}
