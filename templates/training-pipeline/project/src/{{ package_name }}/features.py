"""Step 4: from columns to what the estimator sees. Yours to edit.

All of it becomes part of the exported model: whoever asks for a prediction sends the raw
columns, so training and serving cannot differ in how features are made.
"""

import polars as pl
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from .contract import Contract

MISSING_CATEGORY = ""
"""Stands for "no value" in a text column: ONNX text tensors have no null."""


def transformer(contract: Contract, *, scale: bool) -> ColumnTransformer:
    """Build the part that goes before the estimator: fill gaps, scale numbers, encode texts."""
    kinds = {
        kind: [n for n, c in contract.features.items() if c.kind == kind]
        for kind in ("number", "category")
    }
    numbers = [SimpleImputer(strategy="median"), *([StandardScaler()] if scale else [])]
    parts = [
        ("numbers", make_pipeline(*numbers), kinds["number"]),
        ("categories", OneHotEncoder(handle_unknown="ignore"), kinds["category"]),
    ]
    return ColumnTransformer([part for part in parts if part[2]])


def inputs(frame: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """Prepare the feature columns for the transformer, here and in the exported model.

    Numbers are rounded to single precision, in which the exported model works, so that it
    learns from what it will see; a missing number is NaN, a missing text is empty.
    """
    return frame.select(
        pl.col(name).cast(pl.Float32).cast(pl.Float64).fill_null(float("nan"))
        if column.kind == "number"
        else pl.col(name).fill_null(MISSING_CATEGORY)
        for name, column in contract.features.items()
    )
