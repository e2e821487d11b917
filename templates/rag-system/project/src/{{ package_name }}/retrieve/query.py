"""Makes a question complete and simple before it is searched for; no model is needed.

Where one is configured, it rewrites and takes apart instead (`answer/chat.py`), and is asked only
where the rules say that there may be something to do: each call takes time and costs.
"""

import re
from collections.abc import Sequence

from ..records import Turn
from ..text.sparse import words

_REFERS = re.compile(
    r"^(?:and|but|or|so|then|also|what about|how about)\b"
    r"|\b(?:it|its|they|them|their|this|that|these|those|there|one|ones|he|she|same)\b",
    re.IGNORECASE,
)
_NEXT_QUESTION = re.compile(
    r"\?\s+(?=\S)"
    r"|,?\s+and\s+(?=(?:what|when|where|which|who|why|how|is|are|does|do|can|may|should)\b)",
    re.IGNORECASE,
)
_SEVERAL = re.compile(
    r"[?;].*\w|\b(?:and|or|both|each|either|versus|vs|than|besides|compar\w+|differ\w*)\b",
    re.IGNORECASE | re.DOTALL,
)
_FEW_WORDS = 2
MOST_PARTS = 3


def complete(question: str, history: Sequence[Turn]) -> str:
    """A follow-up question together with the one that it follows.

    Whether it is one is told by words that refer to something, or by having hardly any others.
    """
    if not history or not (_REFERS.search(question) or len(words(question)) < _FEW_WORDS):
        return question
    before = history[-1].question
    known = set(words(before))
    return question if set(words(question)) >= known else f"{before} {question}"


def parts(question: str) -> list[str]:
    """The questions that a question is made of; itself, if it is but one."""
    pieces = [piece.strip(" ,") for piece in _NEXT_QUESTION.split(question)]
    pieces = [f"{piece.rstrip('?')}?" for piece in pieces if len(words(piece)) >= 1]
    return pieces[:MOST_PARTS] if len(pieces) > 1 else [question]


def may_be_several(question: str) -> bool:
    """Whether a question may need more than one search: it joins things, or compares them."""
    return bool(_SEVERAL.search(question))
