"""The features and the estimator: the file to edit first.

Everything here must convert to ONNX exactly: the stage `train` compares the ONNX model with the
scikit-learn model on every training row, and fails if a prediction differs.
"""

from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from .params import Featurize, Train


def featurizer(params: Featurize) -> Pipeline:
    """Build the unfitted transformation from a row's numbers to features."""
    steps: list[tuple[str, object]] = [("scale", StandardScaler())]
    if params.components:
        steps.append(("project", PCA(params.components, svd_solver="full")))
    if params.degree > 1:
        steps.append(("combine", PolynomialFeatures(params.degree, include_bias=False)))
    return Pipeline(steps)


def classifier(params: Train) -> LogisticRegression:
    """Build the unfitted classifier from features to labels."""
    return LogisticRegression(C=params.C, max_iter=5_000, random_state=params.seed)
