"""Detects prompt injection: text that tries to instruct a language model.

No list of patterns finds every attack. The real protection is elsewhere: a model sees documents
only as quoted data, without the sentences detected here, and no sentence of an answer is shown
unless the documents support it (`answer/grounding.py`).
"""

import re
import unicodedata

from ..text.sentences import spans

_INJECTION = re.compile(
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
    """Whether a text looks like prompt injection.

    Look-alike letters are folded and invisible characters removed before matching.
    """
    return bool(_INJECTION.search(_folded(text)))


def trusted_spans(text: str) -> list[tuple[int, int]]:
    """Return the sentences that may be read and quoted, as spans.

    Suspicious sentences are left out, and so is the rest of their paragraph: it may carry on with
    the instructions.
    """
    found: list[tuple[int, int]] = []
    # An instruction may span two sentences, neither of which is suspicious alone.
    blocked = suspicious(text) and not any(suspicious(text[a:b]) for a, b in spans(text))
    previous_end = 0
    for start, end in spans(text):
        if _PARAGRAPH.search(text, previous_end, start):
            blocked = False
        blocked = blocked or suspicious(text[start:end])
        if not blocked:
            found.append((start, end))
        previous_end = end
    return found


def neutralise(text: str) -> str:
    """Replace everything in the text that is not trusted with a note."""
    if not suspicious(text):
        return text
    kept = [text[start:end] for start, end in trusted_spans(text)]
    # An instruction may span two sentences, so the remaining text is checked as a whole, too.
    return REMOVED if suspicious(" ".join(kept)) else " ".join([*kept, REMOVED])


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text.translate(_INVISIBLE)).split(" "))
