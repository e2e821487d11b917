"""A model ready to answer: verified bytes, an inference session, a request schema."""

from collections import Counter
from collections.abc import Sequence
from itertools import chain
from math import isfinite
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..artifact import Artifact, ArtifactError
from ..manifest import LABEL_OUTPUT, MATRIX_INPUT, PROBABILITIES_OUTPUT, Manifest, Value, encode
from ..session import open_session
from ..web.problems import FieldError, Problem
from .metrics import ModelMetrics
from .schemas import Prediction, RowParser

_OUTPUTS = [LABEL_OUTPUT, PROBABILITIES_OUTPUT]
_DECIMALS = 6


class Model:
    """One version of the model. It never changes; a new version is a new object.

    Args:
        artifact: The verified model.
        metrics: Where predictions are counted.
        max_rows: Most rows in one request.

    Raises:
        ArtifactError: ONNX Runtime can't run it, or it does not do what its manifest says.
    """

    def __init__(self, artifact: Artifact, metrics: ModelMetrics, max_rows: int) -> None:
        self.manifest = artifact.manifest
        self.parser = RowParser(self.manifest, max_rows)
        self._inference = metrics.inference
        # Looking a labelled child up costs more than counting with it.
        self._answered = [metrics.predictions.labels(label) for label in self.manifest.labels]
        self._out_of_range = metrics.out_of_range
        self._range = _Range(self.manifest)
        try:
            self._session = open_session(artifact.model)
            self._run([example.row for example in self.manifest.examples])
        # ONNX Runtime raises its own exceptions without a common base.
        except Exception as error:
            raise ArtifactError(f"the model {self.version} does not run: {error}") from error

    @property
    def version(self) -> str:
        """The artifact's version."""
        return self.manifest.version

    def predict(self, rows: Sequence[Sequence[Value]]) -> list[Prediction]:
        """Predict rows that have passed the parser, and count what was answered.

        Raises:
            Problem: 422 if the model's sums overflow, so far off are the values.
        """
        began = perf_counter()
        feeds, found, probabilities = self._run(rows)
        self._inference.observe(perf_counter() - began)
        labels = self.manifest.labels
        winners, table = found.tolist(), probabilities.round(_DECIMALS).tolist()
        if not isfinite(sum(map(sum, table))):
            raise _no_answer(probabilities)
        outside = self._range.outside(feeds)
        predictions = [
            Prediction(labels[winner], dict(zip(labels, row, strict=True)), outside.get(index, []))
            for index, (winner, row) in enumerate(zip(winners, table, strict=True))
        ]
        for winner, count in Counter(winners).items():
            self._answered[winner].inc(count)
        for feature in chain.from_iterable(outside.values()):
            self._out_of_range.labels(feature).inc()
        return predictions

    def _run(
        self, rows: Sequence[Sequence[Value]]
    ) -> tuple[dict[str, NDArray[Any]], NDArray[np.int64], NDArray[np.float64]]:
        """Encode and infer; gives the inputs, a label index and probabilities per row."""
        feeds = encode(self.manifest, rows)
        winners, probabilities = self._session.run(_OUTPUTS, feeds)
        if probabilities.shape != (len(rows), len(self.manifest.labels)):
            raise ValueError(f"{PROBABILITIES_OUTPUT} has the shape {probabilities.shape}")
        return feeds, winners, probabilities.astype(np.float64)


def _no_answer(probabilities: NDArray[np.float64]) -> Problem:
    rows = np.flatnonzero(~np.isfinite(probabilities).all(axis=1)).tolist()
    detail = "The values are so far from what training saw that the model has no answer."
    return Problem(
        422, detail, errors=[FieldError(pointer=f"/rows/{row}", detail=detail) for row in rows]
    )


class _Range:
    """Finds values outside of what training saw. Pixels share one range."""

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
        """Row index -> names of its unusual features; only rows that have any."""
        if not self._names:
            return {}
        values = (
            feeds[MATRIX_INPUT]
            if self._matrix
            else np.hstack([feeds[name] for name in self._inputs])
        )
        bounded = np.minimum(np.maximum(values, self._low), self._high)
        if bounded.tobytes() == values.tobytes():  # the usual case, and the quickest to tell
            return {}
        strange = (values < self._low) | (values > self._high)
        found: dict[int, list[str]] = {}
        for row, column in np.argwhere(strange).tolist():
            found.setdefault(row, []).append(self._names[column])
        return found


def _tensor_names(manifest: Manifest) -> Sequence[str]:
    if manifest.layout == "matrix":
        return [MATRIX_INPUT] * len(manifest.features)
    return manifest.input_names
