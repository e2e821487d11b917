"""Finds text that tries to give orders to a language model.

No list of patterns finds all of them. What holds is the rest: documents reach a model as quoted
data only, without the sentences that are found here, and no sentence of an answer is shown that
the documents don't bear out (`answer/grounding.py`).
"""

import re
import unicodedata

from ..text.sentences import spans

_SIGNS = re.compile(
    r"""
    \b(?:ignore|disregard|forget|override|bypass|discard|skip)\b.{0,40}
      \b(?:previous|prior|above|earlier|all|any|your|these|those|system|instructions?|rules?
      |guidelines?)\b
    | \b(?:new|updated|real|following|hidden|secret)\s+(?:system\s+)?instructions?\b
    | \b(?:system|developer|assistant|admin)\s*(?:prompt|message|mode|override|note)\b
    | \b(?:reveal|print|show|repeat|output|leak|tell\s+me|give\s+me)\b.{0,40}
      \b(?:system\s+prompt|instructions?|hidden\s+prompt|your\s+(?:rules|prompt|configuration)
      |api\s+keys?|passwords?\s+of)\b
    | \byou\s+(?:are|must|will|shall)\s+
      (?:now|henceforth|from\s+now\s+on|only\s+(?:answer|respond|reply))\b
    | \b(?:from\s+now\s+on|henceforth)\b.{0,30}\b(?:you|answer|respond|reply|act)\b
    | \b(?:pretend|act|behave|respond|reply)\b.{0,20}
      \b(?:as\s+(?:if\s+)?(?:you|an?\b|the)|to\s+be)\b
    | \b(?:do\s+not|don't|never)\b.{0,20}\b(?:follow|obey|cite|mention)\b.{0,20}
      \b(?:rules?|instructions?|sources?|guidelines?)\b
    | \b(?:answer|respond|reply|say|write|output|print)\b.{0,30}
      \b(?:only|exactly|verbatim|nothing\s+but|the\s+word|the\s+phrase)\b
    | \b(?:jailbreak|dan\s+mode|prompt\s+injection|sudo\s+mode)\b
    | <\s*/?\s*(?:system|assistant|user|im_start|im_end|\|im_start\||\|im_end\|)[^>]*>
    | \[/?\s*(?:INST|SYS|SYSTEM)\s*\]
    | (?:^|[.!?>\n])\s*(?:\#+\s*)?(?:system|assistant|user)\s*:
    """,
    re.IGNORECASE | re.VERBOSE | re.MULTILINE | re.DOTALL,
)
_INVISIBLE = dict.fromkeys(
    [*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2065), 0xFEFF, 0xAD]
)
_PARAGRAPH = re.compile(r"\n\s*\n")
REMOVED = "[removed: an instruction to the reader]"


def suspicious(text: str) -> bool:
    """Whether a text tries to give orders.

    Look-alike letters are folded and invisible ones removed before it is judged.
    """
    return bool(_SIGNS.search(_folded(text)))


def trusted(text: str) -> list[tuple[int, int]]:
    """The sentences that may be read and quoted, as spans.

    Left out are those that give orders, and what follows them in the same paragraph: it may go on
    with what has been ordered.
    """
    found: list[tuple[int, int]] = []
    silenced = suspicious(text) and not any(suspicious(text[a:b]) for a, b in spans(text))
    place = 0
    for start, end in spans(text):
        if _PARAGRAPH.search(text, place, start):
            silenced = False
        silenced = silenced or suspicious(text[start:end])
        if not silenced:
            found.append((start, end))
        place = end
    return found


def neutralise(text: str) -> str:
    """The text with all that is not trusted replaced by a note."""
    if not suspicious(text):
        return text
    kept = trusted(text)
    parts = [text[start:end] for start, end in kept]
    cleaned = " ".join([*parts, REMOVED])
    # It may take two sentences to make an order.
    return REMOVED if suspicious(" ".join(parts)) else cleaned


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text.translate(_INVISIBLE)).split(" "))
