"""The model: the file to edit first.

Training cross-validates every candidate and keeps the simplest one that is as good as the best,
within its standard error. Every model here must survive the export: training compares the ONNX
model with the scikit-learn one on every held-out row and refuses a model that differs. Linear
models and multi-layer perceptrons agree to about 1e-6. Forests don't always: their votes tie,
and ties break differently in float32. Histogram gradient boosting doesn't convert at all.
Training weights the rows so that every label counts equally, however rare, if the classifier's
`fit` takes `sample_weight`.
"""

from collections.abc import Sequence

from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MaxAbsScaler, OneHotEncoder, StandardScaler

from ..manifest import MISSING_CATEGORY, Feature, Schema

LARGE = 20_000
"""From this many rows, a small model that stops early beats an exhaustive search."""


def candidates(schema: Schema, rows: int, seed: int) -> dict[str, Pipeline]:
    """Build the untrained models to choose from, the simplest first.

    Args:
        schema: The features and labels to learn.
        rows: The number of training rows.
        seed: Makes training reproducible.
    """
    logistic = LogisticRegression(max_iter=5_000, random_state=seed)
    network = MLPClassifier(
        hidden_layer_sizes=(64,) if schema.image else (32,),
        alpha=1e-3,
        learning_rate_init=3e-3,
        tol=1e-3,
        max_iter=2_000,
        early_stopping=rows >= LARGE,
        random_state=seed,
    )
    classifiers = {"logistic": logistic, "network": network}
    if rows >= LARGE and schema.image:
        del classifiers["logistic"]  # it takes minutes per fold and loses
    return {
        name: Pipeline([("prepare", prepare(schema)), ("classify", classifier)])
        for name, classifier in classifiers.items()
    }


def prepare(schema: Schema) -> Pipeline | ColumnTransformer:
    """Build the step that converts rows to numbers on a common scale."""
    if schema.layout == "matrix":
        return _numbers(schema.features, pixels=schema.image is not None)
    columns = list(zip(schema.input_names, schema.features, strict=True))
    numeric = [(name, feature) for name, feature in columns if feature.kind == "numeric"]
    texts = [(name, feature) for name, feature in columns if feature.kind == "categorical"]
    steps = [("texts", _texts([f for _, f in texts]), [name for name, _ in texts])]
    if numeric:
        numbers = _numbers([f for _, f in numeric], pixels=False)
        steps.insert(0, ("numbers", numbers, [name for name, _ in numeric]))
    return ColumnTransformer(steps)


def _numbers(features: Sequence[Feature], *, pixels: bool) -> Pipeline:
    # All pixels share one scale, and zero means no ink: dividing preserves both.
    scale = MaxAbsScaler() if pixels else StandardScaler()
    if not any(feature.nullable for feature in features):
        return Pipeline([("scale", scale)])
    impute = SimpleImputer(strategy="median", keep_empty_features=True)
    return Pipeline([("impute", impute), ("scale", scale)])


def _texts(features: Sequence[Feature]) -> OneHotEncoder:
    known = [[MISSING_CATEGORY] * f.nullable + list(f.categories) for f in features]
    return OneHotEncoder(categories=known, handle_unknown="ignore", sparse_output=False)
