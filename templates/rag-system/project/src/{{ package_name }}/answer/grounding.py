"""Whether a source bears out what a sentence says."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from ..guard.injection import trusted
from ..records import Hit
from ..text.sparse import words

BORNE_OUT = 0.6
"""Share of a sentence's words that its source must hold."""

_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_NOT = re.compile(
    r"\b(?:not|no|never|nothing|none|without|cannot|neither|nor)\b|n't\b", re.IGNORECASE
)

Quote = tuple[int, int, int]
"""A passage's index, and start and end in its document's text."""


def support(claim: str, source: str) -> float:
    """How far a source bears out a claim, from 0 to 1.

    It is the share of the claim's words that the source holds; 0 if the claim has a number that the
    source doesn't have, or denies what the source affirms or the other way round. Words alone: a
    claim that passes is one that the source's own words make up.
    """
    claimed = set(words(claim))
    if not claimed or not set(_NUMBER.findall(claim)) <= set(_NUMBER.findall(source)):
        return 0.0
    if bool(_NOT.search(claim)) != bool(_NOT.search(source)):
        return 0.0
    return len(claimed & set(words(source))) / len(claimed)


def find_support(claim: str, passages: Sequence[Hit], among: Sequence[int] = ()) -> Quote | None:
    """The sentence, or two in a row, of the passages that bears out a claim best.

    Args:
        claim: A sentence of an answer.
        passages: What it was written from.
        among: Indices of the passages to look at; all, if there are none.

    Returns:
        Where it stands; None if nothing bears the claim out.
    """
    best: tuple[float, int, Quote] | None = None
    for index in among or range(len(passages)):
        if not 0 <= index < len(passages):
            continue
        for start, end in _stretches(passages[index]):
            chunk = passages[index].chunk
            score = support(claim, chunk.text[start - chunk.start : end - chunk.start])
            candidate = (score, start - end, (index, start, end))  # of those alike the shortest
            if score >= BORNE_OUT and (best is None or candidate[:2] > best[:2]):
                best = candidate
    return best[2] if best else None


def _stretches(hit: Hit) -> Iterator[tuple[int, int]]:
    """The sentences of a passage, and each two in a row, as spans of the document."""
    chunk = hit.chunk
    found = [(chunk.start + a, chunk.start + b) for a, b in trusted(chunk.text)]
    yield from found
    yield from ((first[0], second[1]) for first, second in pairwise(found))
