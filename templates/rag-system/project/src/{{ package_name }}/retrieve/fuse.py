"""Combines the results of dense and sparse search."""

from collections.abc import Sequence
from dataclasses import replace

from ..records import Hit, SearchResults
from .tuned import Fusion


def fuse(results: SearchResults, fusion: Fusion) -> list[Hit]:
    """Combine results by weighted reciprocal rank fusion (Cormack, Clarke and Buettcher, 2009).

    A chunk's score is `w / (k + rank)` for its dense rank plus `(1 - w) / (k + rank)` for its
    sparse rank, with ranks from 1. Ranks are used because cosine and BM25 scores have no common
    scale. The weight is tuned: equal weights, the usual choice, measured worse than dense search
    alone.
    """
    scores: dict[tuple[str, int], float] = {}
    hits: dict[tuple[str, int], Hit] = {}
    weighted = ((results.dense, fusion.dense_weight), (results.sparse, 1 - fusion.dense_weight))
    for ranking, weight in weighted:
        if not weight:
            continue
        for rank, hit in enumerate(ranking, 1):
            key = hit.chunk.key
            hits.setdefault(key, hit)
            scores[key] = scores.get(key, 0.0) + weight / (fusion.k + rank)
    ordered = sorted(scores, key=lambda key: (-scores[key], key))
    return [replace(hits[key], score=scores[key]) for key in ordered]


def interleave(lists: Sequence[Sequence[Hit]]) -> list[Hit]:
    """Take the first hit of each list, then the second of each, and so on, without duplicates."""
    merged: dict[tuple[str, int], Hit] = {}
    for rank in range(max(map(len, lists), default=0)):
        for hits in lists:
            if rank < len(hits):
                merged.setdefault(hits[rank].chunk.key, hits[rank])
    return list(merged.values())
