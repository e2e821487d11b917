"""Where sentences begin and end."""

import re

_END = re.compile(
    r"""(?<=[.!?])(["')\]]*)\s+(?=["'(\[]?[A-Z0-9`*])"""  # a stop, a gap, a beginning
    r"|\n\s*\n"  # a paragraph
    r"|\n(?=\s*(?:[-*+]\s|\d+[.)]\s|\|))"  # an item of a list, a row of a table
)
_SHORT = re.compile(
    r"\b(?:e\.g|i\.e|etc|vs|approx|fig|[Dd]r|[Mm]r|[Mm]rs|[Ss]t|[A-Z])\.$"  # short for something
    r"|(?:^|\n)[ \t]*\d{1,3}\.$"  # the number of an item
)
_LEAD = re.compile(r"(?:\s|[-*+>]\s|\d+[.)]\s|#+\s)*")


def spans(text: str, start: int = 0, end: int | None = None) -> list[tuple[int, int]]:
    """The sentences of `text[start:end]`, as spans of `text`.

    Signs that begin a list item or a heading, and white space around, belong to no sentence.
    """
    end = len(text) if end is None else end
    cuts = [
        (match.end(1) if match[1] else match.start(), match.end())
        for match in _END.finditer(text, start, end)
        if "\n" in match[0]
        or not _SHORT.search(text[max(start, match.start() - 8) : match.start()])
    ]
    begins = [start, *(after for _, after in cuts)]
    ends = [*(before for before, _ in cuts), end]
    trimmed = (_trim(text, *span) for span in zip(begins, ends, strict=True))
    return [span for span in trimmed if span[0] < span[1]]


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    match = _LEAD.match(text, start, end)
    begin = match.end() if match else start
    return begin, begin + len(text[begin:end].rstrip())
