"""Chooses the numbers of `retrieve/tuned.json` on the questions that are there for it."""

from collections.abc import Sequence
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from ..retrieve.evidence import confidence, features
from ..retrieve.fuse import fuse
from ..retrieve.tuned import EvidenceModel, Fusion, Tuned
from .retrieval import Searched, by_fusion, judge
from .statistics import logistic

WEIGHTS = (0.5, 0.6, 0.7, 0.8, 0.9)
KS = (1.0, 5.0, 10.0, 20.0, 60.0)
FALSE_ANSWERS = 0.1
"""Share of the questions without an answer that may be answered all the same."""
_FOLDS = 5
_DECIMALS = 4


def tune(every: Sequence[Searched], about: str) -> Tuned:
    """The best numbers for these questions.

    Args:
        every: Questions with and without an answer.
        about: What they are; goes into the file.
    """
    fusion = best_fusion(every)
    rows = np.array([values(each, fusion) for each in every])
    labels = np.array([float(bool(each.golds)) for each in every])
    weights, bias = logistic(rows, labels)
    model = EvidenceModel(
        weights=tuple(round(float(each), _DECIMALS) for each in weights),
        bias=round(bias, _DECIMALS),
    )
    return Tuned(about=about, fusion=fusion, evidence=model, threshold=threshold(rows, labels))


def best_fusion(every: Sequence[Searched]) -> Fusion:
    """The weight and k with the highest mean nDCG@10; of equal ones the first."""
    grid = [Fusion(dense_weight=weight, k=k) for weight in WEIGHTS for k in KS]
    return max(grid, key=lambda each: fmean(judge(every, by_fusion(each))["nDCG@10"].values()))


def values(searched: Searched, fusion: Fusion) -> tuple[float, ...]:
    """The features that evidence is judged by."""
    found = searched.found
    return features(searched.question.question, found, fuse(found, fusion))


def threshold(rows: NDArray[np.float64], labels: NDArray[np.float64]) -> float:
    """The least confidence at which few enough unanswerable questions would be answered.

    Each confidence is that of a model that has not seen the question (cross-validation).
    """
    unseen = np.zeros(len(rows))
    folds = np.random.default_rng(0).permutation(len(rows)) % _FOLDS
    for fold in range(_FOLDS):
        weights, bias = logistic(rows[folds != fold], labels[folds != fold])
        model = EvidenceModel(weights=tuple(weights.tolist()), bias=bias)
        for index in np.flatnonzero(folds == fold):
            unseen[index] = confidence(tuple(rows[index]), model)
    without = unseen[labels == 0]
    return round(float(np.quantile(without, 1 - FALSE_ANSWERS)), _DECIMALS)
