"""Splits text into sentences."""

import re

_END = re.compile(
    r"""(?<=[.!?])(["')\]]*)\s+(?=["'(\[]?[A-Z0-9`*])"""  # a full stop before a new sentence
    r"|\n\s*\n"  # a blank line between paragraphs
    r"|\n(?=\s*(?:[-*+]\s|\d+[.)]\s|\|))"  # a list item or table row
)
_NOT_AN_END = re.compile(
    r"\b(?:e\.g|i\.e|etc|vs|approx|fig|[Dd]r|[Mm]r|[Mm]rs|[Ss]t|[A-Z])\.$"  # an abbreviation
    r"|(?:^|\n)[ \t]*\d{1,3}\.$"  # the number of a list item
)
_MARKUP = re.compile(r"(?:\s|[-*+>]\s|\d+[.)]\s|#+\s)*")


def spans(text: str, start: int = 0, end: int | None = None) -> list[tuple[int, int]]:
    """Return the sentences of `text[start:end]`, as spans of `text`.

    List and heading markers and surrounding white space are not part of a sentence.
    """
    end = len(text) if end is None else end
    breaks = [
        (match.end(1) if match[1] else match.start(), match.end())
        for match in _END.finditer(text, start, end)
        if "\n" in match[0]
        or not _NOT_AN_END.search(text[max(start, match.start() - 8) : match.start()])
    ]
    starts = [start, *(after for _, after in breaks)]
    ends = [*(before for before, _ in breaks), end]
    trimmed = (_trim(text, *span) for span in zip(starts, ends, strict=True))
    return [span for span in trimmed if span[0] < span[1]]


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    match = _MARKUP.match(text, start, end)
    trimmed_start = match.end() if match else start
    return trimmed_start, trimmed_start + len(text[trimmed_start:end].rstrip())
