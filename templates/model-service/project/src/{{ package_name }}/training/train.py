"""Trains a model, exports it, verifies it and publishes it, step by step."""

import hashlib
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from .. import bundle
from ..bundle import Bundle
from ..manifest import (
    Dataset,
    Example,
    Manifest,
    Metrics,
    ModelFile,
    Provenance,
    content_version,
    encode,
)
from . import card, datasets
from .commit import has_uncommitted_changes, head_commit
from .evaluate import choose, measure, split, weights
from .export import Predictions, check_parity, export, predict, round_to_float32
from .model import candidates
from .table import Table, at_float32

EXAMPLES = 3
"""The number of labels for which the manifest holds an example."""
LIBRARIES = ("numpy", "onnx", "onnxruntime", "polars", "scikit-learn", "skl2onnx")


class QualityError(Exception):
    """The model is not good enough to be published."""


def train(  # noqa: PLR0913 - passed by name
    source: str,
    models: Path,
    *,
    target: str | None = None,
    drop: Sequence[str] = (),
    data_dir: Path = Path("data"),
    seed: int = 0,
    min_accuracy: float | None = None,
) -> Bundle:
    """Train a model, export it, verify it and make it the current one.

    Args:
        source: `iris`, `digits`, `mnist`, or the path of a CSV or Parquet file.
        models: The models folder to publish to.
        target: Column of the file to predict.
        drop: Columns of the file to leave out.
        data_dir: Folder of the MNIST files, which are downloaded if missing.
        seed: The same data and seed give the same model, byte for byte.
        min_accuracy: The held-out accuracy that the model needs. By default, the limit of the
            data set, or if it has none, better than guessing.

    Raises:
        DataError: The data cannot be used.
        ExportError: The model can't be exported, or its ONNX form predicts differently.
        QualityError: The model is not good enough; nothing was published.
    """
    table = datasets.load(source, target=target, drop=drop, data_dir=data_dir)
    with threadpool_limits(1):  # the same order of sums on any number of cores
        manifest, model = fit(table, seed)
    limit = table.min_accuracy if min_accuracy is None else min_accuracy
    check_quality(manifest.metrics, len(manifest.labels), limit)
    return bundle.save(models, manifest, model, card.render(manifest))


def fit(table: Table, seed: int) -> tuple[Manifest, bytes]:
    """Choose, train and export a model, and evaluate it on held-out rows.

    Returns:
        The manifest and the bytes of the ONNX model.

    Raises:
        ExportError: The model can't be exported, or its ONNX form predicts differently.
    """
    values, (training, held_out) = at_float32(table.values), split(table, seed)
    train_values, codes = values[training], table.codes[training]
    choice = choose(candidates(table.schema, len(codes), seed), train_values, codes, seed)
    pipeline = choice.pipeline.fit(train_values, codes, **weights(choice.pipeline, codes))
    round_to_float32(pipeline)
    model = export(pipeline, table.schema)
    trained = Predictions(
        pipeline.predict(values[held_out]), pipeline.predict_proba(values[held_out])
    )
    exported = predict(model, encode(table.schema, table.rows(held_out)))
    difference = check_parity(trained, exported)
    metrics = measure(choice, exported, table.codes[held_out], table.schema.labels, difference)
    return describe(table, pipeline, model, metrics, seed), model


def describe(
    table: Table, pipeline: Pipeline, model: bytes, metrics: Metrics, seed: int
) -> Manifest:
    """Build the manifest: what the model is and what it takes to reproduce it."""
    labels = table.schema.labels
    training, held_out = split(table, seed)
    truth = table.codes[held_out]
    shown = [int(held_out[truth == code][0]) for code in np.unique(truth)[:EXAMPLES]]
    digest = hashlib.sha256(model).hexdigest()
    parameters = pipeline[-1].get_params()
    return Manifest(
        **dict(table.schema),
        version=content_version(table.schema, digest),
        examples=tuple(
            Example(row=tuple(row), label=labels[code])
            for row, code in zip(table.rows(shown), table.codes[shown], strict=True)
        ),
        dataset=Dataset(
            name=table.name,
            sha256=table.sha256,
            rows=len(table.codes),
            train_rows=len(training),
            held_out_rows=len(held_out),
        ),
        model=ModelFile(
            sha256=digest,
            size=len(model),
            estimator=type(pipeline[-1]).__name__,
            parameters={name: _json_value(value) for name, value in sorted(parameters.items())},
        ),
        metrics=metrics,
        provenance=provenance(seed),
    )


def provenance(seed: int) -> Provenance:
    """Record which code and libraries are in use."""
    commit = head_commit()
    return Provenance(
        seed=seed,
        git_commit=commit,
        git_dirty=None if commit is None else has_uncommitted_changes(),
        python=platform.python_version(),
        libraries={name: version(name) for name in LIBRARIES},
    )


def check_quality(metrics: Metrics, labels: int, min_accuracy: float | None) -> None:
    """Stop a bad model from being published.

    Raises:
        QualityError: The held-out accuracy is below `min_accuracy` or, without such a limit,
            the model is no better than guessing.
    """
    if min_accuracy is not None:
        if metrics.accuracy < min_accuracy:
            raise QualityError(f"held-out accuracy {metrics.accuracy:.4f} is below {min_accuracy}")
    elif metrics.balanced_accuracy <= 1 / labels:
        raise QualityError(
            f"held-out balanced accuracy {metrics.balanced_accuracy:.4f} is no better than "
            f"guessing among {labels} labels ({1 / labels:.4f})"
        )


def _json_value(value: object) -> str | int | float | bool | None:
    return value if isinstance(value, str | int | float | bool | None) else str(value)
