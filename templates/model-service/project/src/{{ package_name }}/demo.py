"""`make demo`: train a model, serve it, request predictions over HTTP and stop it."""

import secrets
import sys
import urllib.request
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson

from .bundle import Bundle, BundleError
from .defaults import DATASET
from .serving.launch import running
from .serving.schemas import request_row
from .training.table import DataError
from .training.train import train
from .web.auth import HEADER
from .web.launch import StartError


def main() -> int:
    """Run the demo; return the exit code."""
    try:
        with TemporaryDirectory(prefix="demo-") as folder:
            _demo(Path(folder))
    except (BundleError, DataError, StartError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _demo(models: Path) -> None:
    print(f"1. Training on {DATASET}")
    bundle = train(DATASET, models)
    manifest = bundle.manifest
    accuracy = f"{manifest.metrics.accuracy:.1%}"
    print(f"   {manifest.model.estimator}, accuracy {accuracy} on held-out rows")
    print(f"   exported to ONNX; all {manifest.dataset.held_out_rows} held-out predictions agree")
    key = secrets.token_urlsafe(24)
    with running(models, {"APP_API_KEYS": key}) as server:
        print(f"2. Serving version {manifest.version} on {server.url}")
        _predict(server.url, key, bundle)
        process = server.process
    print(f"4. Stopped with exit code {process.returncode}; nothing is left running")
    print("\nNext: run `make run` and open the page it serves, then try /docs and /metrics.")


def _predict(url: str, key: str, bundle: Bundle) -> None:
    """Send the held-out examples and print the predictions next to the true labels."""
    manifest = bundle.manifest
    rows = [request_row(manifest, example.row) for example in manifest.examples]
    request = urllib.request.Request(  # noqa: S310 - the service that was just started
        f"{url}/v1/predict",
        data=orjson.dumps({"rows": rows}),
        headers={HEADER: key, "Content-Type": "application/json"},
    )
    print("3. POST /v1/predict with rows it has never seen:")
    response = _send(request)
    for example, prediction in zip(manifest.examples, response["predictions"], strict=True):
        label = prediction["label"]
        probability = prediction["probabilities"][label]
        print(f"   {_short(example.row)} -> {label} ({probability:.1%}; actual: {example.label})")


def _send(request: urllib.request.Request) -> dict[str, Any]:
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 - as above
        content: dict[str, Any] = orjson.loads(response.read())
    return content


def _short(row: tuple[object, ...]) -> str:
    text = ", ".join(str(value) for value in row[:4])
    return f"[{text}{', ...' if len(row) > 4 else ''}]"  # noqa: PLR2004 - fits a line


if __name__ == "__main__":
    sys.exit(main())
