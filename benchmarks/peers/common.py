"""Shared by both peers: the model that our service published, and its request schema."""

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import onnxruntime as ort
from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

_STRICT = ConfigDict(extra="forbid", strict=True)


class Model:
    """The current model of a models folder, run as our service runs it."""

    def __init__(self, models: Path) -> None:
        folder = models / (models / "current").read_text().strip()
        self.manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = ort.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )

    def predict(self, rows: list[Any]) -> dict[str, Any]:
        """Return the same response as our service."""
        values = [list(row.values()) if isinstance(row, dict) else row for row in rows]
        labels = self.manifest["labels"]
        winners, probabilities = self._session.run(
            ["label", "probabilities"], {"features": np.array(values, dtype=np.float32)}
        )
        return {
            "model_version": self.manifest["version"],
            "predictions": [
                {"label": labels[winner], "probabilities": dict(zip(labels, row, strict=True))}
                for winner, row in zip(
                    winners.tolist(),
                    probabilities.astype(np.float64).round(6).tolist(),
                    strict=True,
                )
            ],
        }


def row_model(manifest: dict[str, Any]) -> Any:
    """The type of a row: exactly the features of the model, or its pixels, as finite numbers."""
    number: Any = Annotated[float, Field(allow_inf_nan=False, strict=True)]
    typed_dict: Any = TypedDict
    if manifest["image"]:
        pixels = len(manifest["features"])
        return Annotated[list[number], Field(min_length=pixels, max_length=pixels)]
    row = typed_dict("Row", {feature["name"]: number for feature in manifest["features"]})
    row.__pydantic_config__ = _STRICT
    return row


def request_model(manifest: dict[str, Any]) -> Any:
    """The type of a request: one to a thousand rows."""
    row: Any = row_model(manifest)
    rows: Any = Annotated[list[row], Field(min_length=1, max_length=1000)]
    typed_dict: Any = TypedDict
    request = typed_dict("Request", {"rows": rows})
    request.__pydantic_config__ = _STRICT
    return request
