"""Tunes the parameters in `retrieve/tuned.json` on the questions of the `tune` split."""

from collections.abc import Sequence
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from ..retrieve.evidence import confidence, features
from ..retrieve.fuse import fuse
from ..retrieve.tuned import EvidenceModel, Fusion, Tuned
from .retrieval import SearchedQuestion, fusion_ranker, measure
from .statistics import logistic

WEIGHTS = (0.5, 0.6, 0.7, 0.8, 0.9)
KS = (1.0, 5.0, 10.0, 20.0, 60.0)
MAX_FALSE_ANSWERS = 0.1
"""The share of unanswerable questions that may be answered nevertheless."""
_FOLDS = 5
_DECIMALS = 4


def tune(searched: Sequence[SearchedQuestion], about: str) -> Tuned:
    """Find the best parameters for these questions.

    Args:
        searched: Answerable and unanswerable questions.
        about: A description of them, for the file.
    """
    fusion = best_fusion(searched)
    rows = np.array([evidence_features(each, fusion) for each in searched])
    labels = np.array([float(bool(each.gold_spans)) for each in searched])
    weights, bias = logistic(rows, labels)
    model = EvidenceModel(
        weights=tuple(round(float(each), _DECIMALS) for each in weights),
        bias=round(bias, _DECIMALS),
    )
    threshold = choose_threshold(rows, labels)
    return Tuned(about=about, fusion=fusion, evidence=model, threshold=threshold)


def best_fusion(searched: Sequence[SearchedQuestion]) -> Fusion:
    """Return the weight and k with the highest mean nDCG@10; the first one wins a tie."""
    grid = [Fusion(dense_weight=weight, k=k) for weight in WEIGHTS for k in KS]

    def mean_ndcg(fusion: Fusion) -> float:
        return fmean(measure(searched, fusion_ranker(fusion))["nDCG@10"].values())

    return max(grid, key=mean_ndcg)


def evidence_features(searched: SearchedQuestion, fusion: Fusion) -> tuple[float, ...]:
    """Return the features of the evidence model."""
    results = searched.results
    return features(searched.question.question, results, fuse(results, fusion))


def choose_threshold(rows: NDArray[np.float64], labels: NDArray[np.float64]) -> float:
    """Return the lowest threshold at which few enough unanswerable questions are answered.

    Each question's confidence comes from a model that was not fitted on it (cross-validation).
    """
    held_out = np.zeros(len(rows))
    folds = np.random.default_rng(0).permutation(len(rows)) % _FOLDS
    for fold in range(_FOLDS):
        weights, bias = logistic(rows[folds != fold], labels[folds != fold])
        model = EvidenceModel(weights=tuple(weights.tolist()), bias=bias)
        for index in np.flatnonzero(folds == fold):
            held_out[index] = confidence(tuple(rows[index]), model)
    unanswerable = held_out[labels == 0]
    return round(float(np.quantile(unanswerable, 1 - MAX_FALSE_ANSWERS)), _DECIMALS)
