"""Checks whether a source supports a claim."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from ..guard.injection import trusted_spans
from ..records import Hit
from ..text.sparse import words

MIN_SUPPORT = 0.6
"""The share of a claim's words that its source must contain."""

_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_NOT = re.compile(
    r"\b(?:not|no|never|nothing|none|without|cannot|neither|nor)\b|n't\b", re.IGNORECASE
)

Quote = tuple[int, int, int]
"""A passage's index, and the quote's start and end in the document's text."""


def support(claim: str, source: str) -> float:
    """Score how well a source supports a claim, from 0 to 1.

    The score is the share of the claim's words that the source contains. It is 0 if the claim has a
    number that the source lacks, or if one of the two is negated and the other is not. Only words
    are compared, so a claim passes when it is made up of the source's own words.
    """
    claimed = set(words(claim))
    if not claimed or not set(_NUMBER.findall(claim)) <= set(_NUMBER.findall(source)):
        return 0.0
    if bool(_NOT.search(claim)) != bool(_NOT.search(source)):
        return 0.0
    return len(claimed & set(words(source))) / len(claimed)


def find_support(claim: str, passages: Sequence[Hit], among: Sequence[int] = ()) -> Quote | None:
    """Find the sentence, or pair of consecutive sentences, that best supports a claim.

    Args:
        claim: A sentence of an answer.
        passages: The passages that the answer was written from.
        among: Indices of the passages to search; all passages if empty.

    Returns:
        The supporting quote, or None if nothing supports the claim.
    """
    best: tuple[float, int, Quote] | None = None
    for index in among or range(len(passages)):
        if not 0 <= index < len(passages):
            continue
        for start, end in _candidate_spans(passages[index]):
            chunk = passages[index].chunk
            score = support(claim, chunk.text[start - chunk.start : end - chunk.start])
            candidate = (score, start - end, (index, start, end))  # the shortest wins a tie
            if score >= MIN_SUPPORT and (best is None or candidate[:2] > best[:2]):
                best = candidate
    return best[2] if best else None


def _candidate_spans(hit: Hit) -> Iterator[tuple[int, int]]:
    """Yield the sentences of a passage, then each consecutive pair, as spans of the document."""
    chunk = hit.chunk
    sentences = [(chunk.start + a, chunk.start + b) for a, b in trusted_spans(chunk.text)]
    yield from sentences
    yield from ((first[0], second[1]) for first, second in pairwise(sentences))
