"""What is learnt, and how: the file to edit first.

Whatever is put here must survive the export: the stage `train` compares the ONNX model with the
scikit-learn one on every row it has seen, and stops if one differs.
"""

from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from .params import Featurize, Train


def featurizer(params: Featurize) -> Pipeline:
    """Build the untrained step from a row's numbers to features."""
    steps: list[tuple[str, object]] = [("scale", StandardScaler())]
    if params.components:
        steps.append(("project", PCA(params.components, svd_solver="full")))
    if params.degree > 1:
        steps.append(("combine", PolynomialFeatures(params.degree, include_bias=False)))
    return Pipeline(steps)


def classifier(params: Train) -> LogisticRegression:
    """Build the untrained step from features to labels."""
    return LogisticRegression(C=params.freedom, max_iter=5_000, random_state=params.seed)
