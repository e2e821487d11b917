"""Makes quotes from documents readable."""

import re

_CELL = re.compile(r"\s*\|\s*")
_MARKUP = re.compile(r"(\*\*|__|`)(.+?)\1|(?<!\w)[*_](\S.*?)[*_](?!\w)|!?\[([^\]]*)\]\([^)]*\)")


def readable(quote: str) -> str:
    """Put a quote on one line without Markdown markup; a table row becomes a list of its cells."""
    text = " ".join(quote.split())
    if text.startswith("|"):
        text = "; ".join(cell for cell in _CELL.split(text) if cell)
    return _MARKUP.sub(lambda match: next(filter(None, match.groups()[1:]), ""), text)
