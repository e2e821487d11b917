"""Puts the two halves of a search into one order."""

from collections.abc import Sequence
from dataclasses import replace

from ..records import Found, Hit
from .tuned import Fusion


def fuse(found: Found, fusion: Fusion) -> list[Hit]:
    """Weighted reciprocal rank fusion (Cormack, Clarke and Buettcher, 2009).

    A chunk's score is `w / (k + rank)` by meaning plus `(1 - w) / (k + rank)` by word, with ranks
    from 1. Ranks, not scores: a cosine and a BM25 score have no scale in common. Equal weights
    are usual and were worse than meaning alone where it was measured, so the weight is tuned.
    """
    scores: dict[tuple[str, int], float] = {}
    hits: dict[tuple[str, int], Hit] = {}
    halves = ((found.dense, fusion.dense_weight), (found.sparse, 1 - fusion.dense_weight))
    for half, weight in halves:
        if not weight:
            continue
        for rank, hit in enumerate(half, 1):
            key = hit.chunk.key
            hits.setdefault(key, hit)
            scores[key] = scores.get(key, 0.0) + weight / (fusion.k + rank)
    ordered = sorted(scores, key=lambda key: (-scores[key], key))
    return [replace(hits[key], score=scores[key]) for key in ordered]


def interleave(lists: Sequence[Sequence[Hit]]) -> list[Hit]:
    """The first of each list, then the second of each, and so on; each chunk once."""
    taken: dict[tuple[str, int], Hit] = {}
    for rank in range(max(map(len, lists), default=0)):
        for hits in lists:
            if rank < len(hits):
                taken.setdefault(hits[rank].chunk.key, hits[rank])
    return list(taken.values())
