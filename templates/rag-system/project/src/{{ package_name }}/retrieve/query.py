"""Rewrites and splits questions by rules before the search; no model is needed.

If a language model is configured, it does this instead (`answer/chat.py`), but only where the rules
see a reason: each call takes time and costs money.
"""

import re
from collections.abc import Sequence

from ..records import Turn
from ..text.sparse import words

_FOLLOW_UP = re.compile(
    r"^(?:and|but|or|so|then|also|what about|how about)\b"
    r"|\b(?:it|its|they|them|their|this|that|these|those|there|one|ones|he|she|same)\b",
    re.IGNORECASE,
)
_NEXT_QUESTION = re.compile(
    r"\?\s+(?=\S)"
    r"|,?\s+and\s+(?=(?:what|when|where|which|who|why|how|is|are|does|do|can|may|should)\b)",
    re.IGNORECASE,
)
_COMPOUND = re.compile(
    r"[?;].*\w|\b(?:and|or|both|each|either|versus|vs|than|besides|compar\w+|differ\w*)\b",
    re.IGNORECASE | re.DOTALL,
)
_FEW_WORDS = 2
MAX_PARTS = 3


def complete_follow_up(question: str, history: Sequence[Turn]) -> str:
    """Prepend the previous question to a follow-up question.

    A follow-up refers to something by a pronoun or the like, or has hardly any words of its own.
    """
    follows_up = _FOLLOW_UP.search(question) or len(words(question)) < _FEW_WORDS
    if not history or not follows_up:
        return question
    previous = history[-1].question
    already_said = set(words(question)) >= set(words(previous))
    return question if already_said else f"{previous} {question}"


def split_question(question: str) -> list[str]:
    """Split a question into the questions that it consists of; a simple one stays as it is."""
    pieces = [piece.strip(" ,") for piece in _NEXT_QUESTION.split(question)]
    pieces = [f"{piece.rstrip('?')}?" for piece in pieces if len(words(piece)) >= 1]
    return pieces[:MAX_PARTS] if len(pieces) > 1 else [question]


def may_need_decomposing(question: str) -> bool:
    """Whether a question may need more than one search: it joins or compares things."""
    return bool(_COMPOUND.search(question))
