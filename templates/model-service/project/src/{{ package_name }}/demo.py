"""`make demo`: train a model, serve it, ask it something over HTTP, stop it."""

import secrets
import sys
import urllib.request
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson

from .artifact import Artifact, ArtifactError
from .defaults import DATASET
from .serving.launch import running
from .serving.schemas import row_of
from .training.table import DataError
from .training.train import train
from .web.auth import HEADER
from .web.launch import StartError


def main() -> int:
    """Run the demo; gives the exit code."""
    try:
        with TemporaryDirectory(prefix="demo-") as folder:
            _demo(Path(folder))
    except (ArtifactError, DataError, StartError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _demo(models: Path) -> None:
    print(f"1. Training on {DATASET}")
    artifact = train(DATASET, models)
    manifest = artifact.manifest
    print(f"   {manifest.model.estimator}, {manifest.metrics.accuracy:.1%} right on held-out rows")
    print(f"   {manifest.dataset.held_out_rows} predictions of its ONNX form are the same")
    key = secrets.token_urlsafe(24)
    with running(models, {"APP_API_KEYS": key}) as server:
        print(f"2. Serving version {manifest.version} on {server.url}")
        _ask(server.url, key, artifact)
        process = server.process
    print(f"4. Stopped with exit code {process.returncode}; nothing is left running")
    print("\nNext: `make run` serves it for you. Open the page, then try /docs and /metrics.")


def _ask(url: str, key: str, artifact: Artifact) -> None:
    """Send the held-out examples and compare the answers with the truth."""
    manifest = artifact.manifest
    rows = [row_of(manifest, example.row) for example in manifest.examples]
    request = urllib.request.Request(  # noqa: S310 - the service that was just started
        f"{url}/v1/predict",
        data=orjson.dumps({"rows": rows}),
        headers={HEADER: key, "Content-Type": "application/json"},
    )
    print("3. POST /v1/predict, rows it has never seen:")
    answer = _open(request)
    for example, prediction in zip(manifest.examples, answer["predictions"], strict=True):
        label = prediction["label"]
        sure = prediction["probabilities"][label]
        print(f"   {_short(example.row)} -> {label} ({sure:.1%} sure; in truth {example.label})")


def _open(request: urllib.request.Request) -> dict[str, Any]:
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 - as above
        answer: dict[str, Any] = orjson.loads(response.read())
    return answer


def _short(row: tuple[object, ...]) -> str:
    text = ", ".join(str(value) for value in row[:4])
    return f"[{text}{', ...' if len(row) > 4 else ''}]"  # noqa: PLR2004 - fits a line


if __name__ == "__main__":
    sys.exit(main())
