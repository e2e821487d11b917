"""Cuts documents into chunks: three ways, to compare with `make eval`."""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

from ..records import Block, Chunk
from ..settings import ChunkerName
from ..text.sentences import spans
from .parse import Parsed

WINDOW = 2
"""Sentences on either side of the one that is searched for."""

_Span = tuple[int, int]
_Cut = tuple[_Span, _Span, str]
"""What is read, what of it is searched for, and the heading."""


def cut(document: str, parsed: Parsed, chunker: ChunkerName, limit: int) -> list[Chunk]:
    """The chunks of a document.

    Args:
        document: Its id.
        parsed: Its text and blocks.
        chunker: `structure` keeps to headings and whole blocks; `recursive` fills chunks up
            wherever paragraphs, lines or sentences end; `window` looks for single sentences and
            gives them with their neighbours.
        limit: Most words in a chunk; not for `window`.
    """
    return [
        Chunk(document, ordinal, *read, parsed.text[slice(*read)], heading, focus)
        for ordinal, (read, focus, heading) in enumerate(_CUTTERS[chunker](parsed, limit))
    ]


def _structure(parsed: Parsed, limit: int) -> Iterator[_Cut]:
    for heading, blocks in _sections(parsed):
        pieces = (piece for block in blocks for piece in _pieces(parsed.text, block, limit))
        for span in _packed(parsed.text, pieces, limit):
            yield span, span, heading


def _recursive(parsed: Parsed, limit: int) -> Iterator[_Cut]:
    from langchain_text_splitters import (  # noqa: PLC0415 - heavy
        RecursiveCharacterTextSplitter,
    )

    splitter = RecursiveCharacterTextSplitter(
        separators=["\n\n", "\n", ". ", " "],
        keep_separator="end",
        chunk_size=limit,
        chunk_overlap=0,
        length_function=_words,
    )
    end = 0
    for piece in splitter.split_text(parsed.text):
        # Its own `start_index` takes lengths for characters, and would be wrong for words.
        begin = parsed.text.index(piece, end)
        end = begin + len(piece)
        yield (begin, end), (begin, end), _heading_at(parsed.blocks, begin, end)


def _window(parsed: Parsed, _: int) -> Iterator[_Cut]:
    for heading, blocks in _sections(parsed):
        sentences = [
            span for block in blocks for span in spans(parsed.text, block.start, block.end)
        ]
        for index, focus in enumerate(sentences):
            near = sentences[max(0, index - WINDOW) : index + WINDOW + 1]
            yield (near[0][0], near[-1][1]), focus, heading


_CUTTERS: dict[ChunkerName, Callable[[Parsed, int], Iterator[_Cut]]] = {
    "structure": _structure,
    "recursive": _recursive,
    "window": _window,
}


def _sections(parsed: Parsed) -> Iterator[tuple[str, list[Block]]]:
    """Blocks that follow each other under the same headings."""
    for (_, heading), blocks in groupby(
        parsed.blocks, key=lambda block: (block.section, block.heading)
    ):
        yield heading, list(blocks)


def _pieces(text: str, block: Block, limit: int) -> Iterator[_Span]:
    """A block, or if it is too long its sentences, or if they are its words."""
    if _words(text[block.start : block.end]) <= limit:
        yield block.start, block.end
        return
    for begin, end in spans(text, block.start, block.end):
        place = begin
        words = text[begin:end].split()
        for first in range(0, len(words), limit):
            part = words[first : first + limit]
            place = text.index(part[0], place)
            start = place
            for word in part:
                place = text.index(word, place) + len(word)
            yield start, place


def _packed(text: str, pieces: Iterable[_Span], limit: int) -> Iterator[_Span]:
    """Pieces put together as long as they stay within the limit."""
    begin = end = None
    for start, stop in pieces:
        if begin is not None and end is not None and _words(text[begin:stop]) > limit:
            yield begin, end
            begin = None
        begin = start if begin is None else begin
        end = stop
    if begin is not None and end is not None:
        yield begin, end


def _heading_at(blocks: tuple[Block, ...], start: int, end: int) -> str:
    """The heading of the first block that a span touches."""
    return next((each.heading for each in blocks if each.end > start and each.start < end), "")


def _words(text: str) -> int:
    return len(text.split())
