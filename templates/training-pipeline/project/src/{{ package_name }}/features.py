"""Step 4: turn columns into features for the estimator. Edit this file freely.

Everything here becomes part of the exported model. Clients send raw columns, so training and
serving compute features the same way.
"""

import polars as pl
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from .contract import Contract

MISSING_CATEGORY = ""
"""Stands for a missing value in a text column: ONNX string tensors have no null."""


def transformer(contract: Contract, *, scale: bool) -> ColumnTransformer:
    """Build the preprocessing: impute missing values, scale numbers, encode categories."""
    by_kind = {
        kind: [name for name, column in contract.features.items() if column.kind == kind]
        for kind in ("number", "category")
    }
    numeric_steps = [SimpleImputer(strategy="median"), *([StandardScaler()] if scale else [])]
    transformers = [
        ("numbers", make_pipeline(*numeric_steps), by_kind["number"]),
        ("categories", OneHotEncoder(handle_unknown="ignore"), by_kind["category"]),
    ]
    return ColumnTransformer([entry for entry in transformers if entry[2]])


def inputs(frame: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """Prepare the feature columns for the transformer, in training and for comparison.

    Numbers are rounded to single precision, because the exported model computes in it: the model
    is trained on the values it will receive. A missing number is NaN, a missing text is empty.
    """
    return frame.select(
        pl.col(name).cast(pl.Float32).cast(pl.Float64).fill_null(float("nan"))
        if column.kind == "number"
        else pl.col(name).fill_null(MISSING_CATEGORY)
        for name, column in contract.features.items()
    )
