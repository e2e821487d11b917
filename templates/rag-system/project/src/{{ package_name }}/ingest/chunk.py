"""Splits documents into chunks, with three chunkers to compare with `make eval`."""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

from ..records import Block, Chunk
from ..settings import ChunkerName
from ..text.sentences import spans
from .parse import Parsed

WINDOW = 2
"""Sentences on either side of the indexed one."""

_Span = tuple[int, int]
_ChunkSpans = tuple[_Span, _Span, str]
"""The span to return, the span to index within it, and the heading."""


def chunk_document(document: str, parsed: Parsed, chunker: ChunkerName, limit: int) -> list[Chunk]:
    """Split a document into chunks.

    Args:
        document: The document's id.
        parsed: Its text and blocks.
        chunker: `structure` respects headings and keeps blocks whole; `recursive` splits at
            paragraphs, lines or sentences to fill each chunk; `window` indexes single sentences
            and returns them with their neighbours.
        limit: The most words in a chunk; `window` ignores it.
    """
    return [
        Chunk(document, ordinal, *span, parsed.text[slice(*span)], heading, focus)
        for ordinal, (span, focus, heading) in enumerate(_CHUNKERS[chunker](parsed, limit))
    ]


def _structure(parsed: Parsed, limit: int) -> Iterator[_ChunkSpans]:
    for heading, blocks in _sections(parsed):
        pieces = (piece for block in blocks for piece in _pieces(parsed.text, block, limit))
        for span in _packed(parsed.text, pieces, limit):
            yield span, span, heading


def _recursive(parsed: Parsed, limit: int) -> Iterator[_ChunkSpans]:
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
        # The splitter's own `start_index` takes lengths as characters; ours are words.
        start = parsed.text.index(piece, end)
        end = start + len(piece)
        yield (start, end), (start, end), _heading_at(parsed.blocks, start, end)


def _window(parsed: Parsed, _: int) -> Iterator[_ChunkSpans]:
    for heading, blocks in _sections(parsed):
        sentences = [
            span for block in blocks for span in spans(parsed.text, block.start, block.end)
        ]
        for index, focus in enumerate(sentences):
            window = sentences[max(0, index - WINDOW) : index + WINDOW + 1]
            yield (window[0][0], window[-1][1]), focus, heading


_CHUNKERS: dict[ChunkerName, Callable[[Parsed, int], Iterator[_ChunkSpans]]] = {
    "structure": _structure,
    "recursive": _recursive,
    "window": _window,
}


def _sections(parsed: Parsed) -> Iterator[tuple[str, list[Block]]]:
    """Group consecutive blocks that share their headings."""
    for (_, heading), blocks in groupby(
        parsed.blocks, key=lambda block: (block.section, block.heading)
    ):
        yield heading, list(blocks)


def _pieces(text: str, block: Block, limit: int) -> Iterator[_Span]:
    """Split a block into its sentences if it is too long, and those into groups of words."""
    if _words(text[block.start : block.end]) <= limit:
        yield block.start, block.end
        return
    for sentence_start, sentence_end in spans(text, block.start, block.end):
        position = sentence_start
        words = text[sentence_start:sentence_end].split()
        for first in range(0, len(words), limit):
            part = words[first : first + limit]
            position = text.index(part[0], position)
            start = position
            for word in part:
                position = text.index(word, position) + len(word)
            yield start, position


def _packed(text: str, pieces: Iterable[_Span], limit: int) -> Iterator[_Span]:
    """Merge consecutive pieces as long as they stay within the limit."""
    start = end = None
    for piece_start, piece_end in pieces:
        if start is not None and end is not None and _words(text[start:piece_end]) > limit:
            yield start, end
            start = None
        start = piece_start if start is None else start
        end = piece_end
    if start is not None and end is not None:
        yield start, end


def _heading_at(blocks: tuple[Block, ...], start: int, end: int) -> str:
    """Return the heading of the first block that a span overlaps."""
    return next((each.heading for each in blocks if each.end > start and each.start < end), "")


def _words(text: str) -> int:
    return len(text.split())
