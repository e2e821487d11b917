"""A model ready to predict: an inference session and the parser for its requests."""

from collections import Counter
from collections.abc import Sequence
from itertools import chain
from math import isfinite
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..bundle import Bundle, BundleError
from ..manifest import LABEL_OUTPUT, MATRIX_INPUT, PROBABILITIES_OUTPUT, Manifest, Value, encode
from ..session import open_session
from ..web.problems import FieldError, Problem
from .metrics import ModelMetrics
from .schemas import Prediction, RowParser

_OUTPUTS = [LABEL_OUTPUT, PROBABILITIES_OUTPUT]
_DECIMALS = 6


class Model:
    """One version of the model; immutable, since a new version is a new object.

    Args:
        bundle: The verified bundle.
        metrics: Counts the predictions.
        max_rows: The most rows in one request.

    Raises:
        BundleError: ONNX Runtime can't run it, or it does not match its manifest.
    """

    def __init__(self, bundle: Bundle, metrics: ModelMetrics, max_rows: int) -> None:
        self.manifest = bundle.manifest
        self.parser = RowParser(self.manifest, max_rows)
        self._inference = metrics.inference
        # Looking up a labelled child costs more than incrementing it.
        self._label_counters = [metrics.predictions.labels(label) for label in self.manifest.labels]
        self._out_of_range = metrics.out_of_range
        self._training_range = _TrainingRange(self.manifest)
        try:
            self._session = open_session(bundle.model)
            self._run([example.row for example in self.manifest.examples])
        # ONNX Runtime raises its own exceptions without a common base.
        except Exception as error:
            raise BundleError(f"the model {self.version} does not run: {error}") from error

    @property
    def version(self) -> str:
        """The version of the bundle."""
        return self.manifest.version

    def predict(self, rows: Sequence[Sequence[Value]]) -> list[Prediction]:
        """Predict rows that the parser has accepted, and count the predictions.

        Raises:
            Problem: 422 if values are so extreme that the model's sums overflow.
        """
        began = perf_counter()
        feeds, found, probabilities = self._run(rows)
        self._inference.observe(perf_counter() - began)
        labels = self.manifest.labels
        winners, table = found.tolist(), probabilities.round(_DECIMALS).tolist()
        if not isfinite(sum(map(sum, table))):
            raise _overflow(probabilities)
        outside = self._training_range.outside(feeds)
        predictions = [
            Prediction(labels[winner], dict(zip(labels, row, strict=True)), outside.get(index, []))
            for index, (winner, row) in enumerate(zip(winners, table, strict=True))
        ]
        for winner, count in Counter(winners).items():
            self._label_counters[winner].inc(count)
        for feature in chain.from_iterable(outside.values()):
            self._out_of_range.labels(feature).inc()
        return predictions

    def _run(
        self, rows: Sequence[Sequence[Value]]
    ) -> tuple[dict[str, NDArray[Any]], NDArray[np.int64], NDArray[np.float64]]:
        """Encode and infer; return the inputs, and a label index and probabilities per row."""
        feeds = encode(self.manifest, rows)
        winners, probabilities = self._session.run(_OUTPUTS, feeds)
        if probabilities.shape != (len(rows), len(self.manifest.labels)):
            raise ValueError(f"{PROBABILITIES_OUTPUT} has the shape {probabilities.shape}")
        return feeds, winners, probabilities.astype(np.float64)


def _overflow(probabilities: NDArray[np.float64]) -> Problem:
    rows = np.flatnonzero(~np.isfinite(probabilities).all(axis=1)).tolist()
    detail = "The values are so far outside the training data that the model can't predict."
    return Problem(
        422, detail, errors=[FieldError(pointer=f"/rows/{row}", detail=detail) for row in rows]
    )


class _TrainingRange:
    """Finds values outside the range seen in training. All pixels share one range."""

    def __init__(self, manifest: Manifest) -> None:
        numeric = [
            (name, feature)
            for name, feature in zip(_tensor_names(manifest), manifest.features, strict=True)
            if feature.minimum is not None
        ]
        self._matrix = manifest.layout == "matrix"
        self._inputs = [name for name, _ in numeric]
        self._names = [feature.name for _, feature in numeric]
        self._low = np.array([feature.minimum for _, feature in numeric], dtype=np.float32)
        self._high = np.array([feature.maximum for _, feature in numeric], dtype=np.float32)
        if manifest.image is not None:
            self._low[:], self._high[:] = self._low.min(), self._high.max()

    def outside(self, feeds: dict[str, NDArray[Any]]) -> dict[int, list[str]]:
        """Map row indices to the features out of range; rows without any are left out."""
        if not self._names:
            return {}
        values = (
            feeds[MATRIX_INPUT]
            if self._matrix
            else np.hstack([feeds[name] for name in self._inputs])
        )
        bounded = np.minimum(np.maximum(values, self._low), self._high)
        if bounded.tobytes() == values.tobytes():  # the usual case, and quick to check
            return {}
        mask = (values < self._low) | (values > self._high)
        found: dict[int, list[str]] = {}
        for row, column in np.argwhere(mask).tolist():
            found.setdefault(row, []).append(self._names[column])
        return found


def _tensor_names(manifest: Manifest) -> Sequence[str]:
    if manifest.layout == "matrix":
        return [MATRIX_INPUT] * len(manifest.features)
    return manifest.input_names
