"""A quote from a document, as people read it."""

import re

_CELL = re.compile(r"\s*\|\s*")
_MARKUP = re.compile(r"(\*\*|__|`)(.+?)\1|(?<!\w)[*_](\S.*?)[*_](?!\w)|!?\[([^\]]*)\]\([^)]*\)")


def readable(quote: str) -> str:
    """A quote on one line without Markdown's signs; the cells of a table's row become a list."""
    text = " ".join(quote.split())
    if text.startswith("|"):
        text = "; ".join(cell for cell in _CELL.split(text) if cell)
    return _MARKUP.sub(lambda match: next(filter(None, match.groups()[1:]), ""), text)
