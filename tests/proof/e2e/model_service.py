"""End-to-end check of model-service: train, serve, call it as a client, compare the numbers.

It uses only the make targets and the HTTP interface of the project, and only the standard
library. The true labels come from scikit-learn's copy of the data set or from digits that the
check draws itself.

    python3 model_service.py prepare PROJECT
    python3 model_service.py check PROJECT [--url URL --env APP_API_KEYS=...]
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from support import Report, Service, answer, arguments, running  # type: ignore[import-not-found]

ACCURACY = {"iris": 0.93, "digits": 0.96, "mnist": 0.9}
READY_S = 300.0
SWAP_S = 60.0
ENDS_S = 60.0
SIDE = 28
LARGE = 1_000_000  # bytes; a service may refuse more without reading them all

# The segments of each digit: top, upper left and right, middle, lower left and right, bottom.
SEGMENTS = (
    *("1110111", "0010010", "1011101", "1011011", "0111010"),
    *("1101011", "1101111", "1010010", "1111111", "1111011"),
)


def main() -> int:
    asked = arguments()
    if asked.verb == "prepare":
        if answer(asked.project, "model_service_dataset") == "mnist":
            write_idx(asked.project / "data")
        return 0
    report = Report()
    if asked.url:
        service = Service(asked.url, asked.env.get("APP_API_KEYS", ""))
        check_service(service, asked.project, report)
    else:
        check_locally(asked.project, report)
    report.tell()
    return 0


def check_locally(project: Path, report: Report) -> None:
    """Start the service with `make run` and also check what is visible only on its machine."""
    # The default limit would reject this client.
    settings = {"APP_RATE_LIMIT": "100000/second"}
    with running(project, settings, starts_s=READY_S, ends_s=ENDS_S) as service:
        if not service.ready(READY_S):
            report.want(held=False, finding="`make run` does not become ready")
            return
        rows = check_service(service, project, report)
        check_counted(service, rows, report)
        check_bundle(service, project, report)
        check_swap(service, project, report)
        stopped_at = time.monotonic()
    elapsed = time.monotonic() - stopped_at
    report.want(elapsed < ENDS_S, "the service does not stop in time after SIGTERM")
    check_tampered(project, report)


def check_service(service: Service, project: Path, report: Report) -> int:
    """Check everything that a client can see; return the number of rows predicted."""
    manifest = service.json("/v1/model")["manifest"]
    dataset = answer(project, "model_service_dataset")
    values, truth = known(project, dataset)
    names = [each["name"] for each in manifest["features"]]
    rows: list[Any] = (
        values if manifest["image"] else [dict(zip(names, row, strict=True)) for row in values]
    )
    predicted = check_predictions(service, dataset, rows, truth, report)
    refused = check_refusals(service, rows[0], report)
    check_key(service, rows[0], answer(project, "model_service_auth"), report)
    check_surface(service, report)
    return predicted + refused


def check_predictions(
    service: Service, dataset: str, rows: list[Any], truth: list[str], report: Report
) -> int:
    """Predict every row of the data set and check the labels and the probabilities."""
    predictions = []
    for start in range(0, len(rows), 100):
        predictions += service.json("/v1/predict", {"rows": rows[start : start + 100]})[
            "predictions"
        ]
    correct = sum(each["label"] == label for each, label in zip(predictions, truth, strict=True))
    accuracy = correct / len(rows)
    report.figures["e2e_accuracy"] = round(accuracy, 4)
    report.want(accuracy >= ACCURACY[dataset], f"the accuracy on {dataset} is only {accuracy:.3f}")
    for each in predictions:
        values = each["probabilities"].values()
        valid = abs(sum(values) - 1) < 1e-4 and all(0 <= value <= 1 for value in values)
        if not (valid and each["probabilities"][each["label"]] == max(values)):
            report.want(held=False, finding=f"not probabilities: {each}")
            break
    alone = service.json("/v1/predict", {"rows": rows[:1]})["predictions"][0]
    same = all(
        abs(alone["probabilities"][label] - probability) < 1e-5
        for label, probability in predictions[0]["probabilities"].items()
    )
    report.want(same, "a row gets different predictions alone and in a batch")
    return len(rows) + 1


def check_refusals(service: Service, row: Any, report: Report) -> int:
    """Bad requests get a problem document that explains the error, never a 500."""
    wrong = dict.fromkeys(row, "x") if isinstance(row, dict) else ["x"] * len(row)
    short = dict(list(row.items())[1:]) if isinstance(row, dict) else row[1:]
    huge = dict.fromkeys(row, 1e300) if isinstance(row, dict) else [1e300] * len(row)
    infinite = json.dumps({"rows": [row]}).replace("]", ", NaN]", 1).encode()
    for name, body, expected in (
        ("invalid JSON", b"{", {400}),
        ("an empty body", b"", {400, 422}),
        ("a list", [row], {422}),
        ("no rows", {"rows": []}, {422}),
        ("text instead of numbers", {"rows": [wrong]}, {422}),
        ("a missing feature", {"rows": [short]}, {422}),
        ("a number too large for float32", {"rows": [huge]}, {422}),
        ("NaN", infinite, {400, 422}),
        ("an unknown key", {"rows": [row], "more": 1}, {422}),
        ("too many rows", {"rows": [row] * 1001}, {413, 422}),
        ("bytes that are not UTF-8", b'{"rows": "\xff"}', {400, 422}),
        ("ten megabytes", b" " * 10_000_000, {413}),
    ):
        try:
            status, headers, content = service.ask("/v1/predict", body)
        except OSError as error:  # a service may close the connection if a body is too large
            large = len(body if isinstance(body, bytes) else json.dumps(body)) > LARGE
            report.want(large, f"{name}: {error}")
            continue
        kind = headers.get("content-type", "").partition(";")[0]
        report.want(status in expected, f"{name} gets {status}, expected {sorted(expected)}")
        report.want(
            kind == "application/problem+json", f"{name} gets {kind}, not a problem document"
        )
        if kind == "application/problem+json":
            problem = json.loads(content)
            report.want(
                problem.get("status") == status and problem.get("title"), f"{name}: {problem}"
            )
    for path, method, expected_status in (("/v1/nothing", "GET", 404), ("/v1/predict", "GET", 405)):
        status = service.ask(path, method=method)[0]
        report.want(status == expected_status, f"{method} {path} gets {status}")
    return 0


def check_key(service: Service, row: Any, auth: str, report: Report) -> None:
    """With API keys, only valid ones are accepted; health checks need none."""
    for name, key in (("no key", ""), ("a wrong key", "x" * 24)):
        without = Service(service.url, "")
        status = without.ask("/v1/predict", {"rows": [row]}, key=key)[0]
        expected_status = 401 if auth == "api-key" else 200
        report.want(status == expected_status, f"{name} gets {status}, expected {expected_status}")
        report.want(
            without.ask("/health/live", key=key)[0] == 200, f"{name}: the health check is refused"
        )


def check_surface(service: Service, report: Report) -> None:
    """Check the page, the OpenAPI document and request ids."""
    status, headers, content = service.ask("/")
    report.want(status == 200 and b"<form" in content, f"the page at / gets {status}")
    report.want("text/html" in headers.get("content-type", ""), "the page at / is not HTML")
    openapi = service.json("/openapi.json")
    report.want("/v1/predict" in openapi["paths"], "/openapi.json lacks /v1/predict")
    example = openapi["components"]["schemas"]["PredictRequest"]["examples"][0]
    status = service.ask("/v1/predict", example)[0]
    report.want(status == 200, f"the example of /openapi.json gets {status}")
    echoed = service.ask("/health/live")[1].get("x-request-id")
    report.want(echoed == "proof-1", f"X-Request-ID is returned as {echoed!r}")


def check_counted(service: Service, rows: int, report: Report) -> None:
    """The metrics count all predictions: these rows and up to four more from other checks."""
    text = service.ask("/metrics")[2].decode()
    counts = re.findall(r"^model_predictions_total\{[^}]*\} ([\d.e+]+)$", text, re.MULTILINE)
    counted = sum(float(each) for each in counts)
    report.want(rows <= counted <= rows + 4, f"{rows} rows were predicted, {counted} are counted")


def check_bundle(service: Service, project: Path, report: Report) -> None:
    """The model being served is the one on disk, and its card shows its accuracy."""
    manifest = service.json("/v1/model")["manifest"]
    version = (project / "models" / "current").read_text().strip()
    report.want(
        manifest["version"] == version, f"{manifest['version']} is served, {version} is current"
    )
    model = (project / "models" / version / "model.onnx").read_bytes()
    digest = hashlib.sha256(model).hexdigest()
    report.want(manifest["model"]["sha256"] == digest, "the manifest's sha256 is not the model's")
    card = (project / "models" / version / "MODEL_CARD.md").read_text()
    shown = f"{manifest['metrics']['accuracy']:.4f}"
    report.want(shown in card, f"the model card does not show the accuracy, {shown}")


def check_swap(service: Service, project: Path, report: Report) -> None:
    """A newly trained model is swapped in under load, and no request is lost."""
    before = service.json("/v1/model")["manifest"]["version"]
    example = service.json("/openapi.json")["components"]["schemas"]["PredictRequest"]["examples"][
        0
    ]
    statuses: list[int] = []
    stop = threading.Event()

    def client() -> None:
        while not stop.is_set():
            try:
                statuses.append(service.ask("/v1/predict", example)[0])
            except OSError:
                statuses.append(0)

    sender = threading.Thread(target=client)
    sender.start()
    try:
        subprocess.run(["make", "train", "SEED=1"], cwd=project, check=True, stdout=sys.stderr)
        # If the seed makes no difference, it is the same model and there is nothing to swap.
        trained = (project / "models" / "current").read_text().strip()
        deadline = time.monotonic() + SWAP_S
        while trained != before and service.json("/v1/model")["manifest"]["version"] != trained:
            if time.monotonic() > deadline:
                report.want(held=False, finding="a newly trained model is not swapped in")
                break
            time.sleep(0.2)
    finally:
        stop.set()
        sender.join()
    lost = [status for status in statuses if status != 200]
    report.want(
        not lost, f"{len(lost)} of {len(statuses)} requests were lost in the swap: {lost[:5]}"
    )
    report.figures["e2e_swap_requests"] = len(statuses)


def check_tampered(project: Path, report: Report) -> None:
    """A model that was changed after it was published is not served."""
    version = (project / "models" / "current").read_text().strip()
    model = project / "models" / version / "model.onnx"
    good = model.read_bytes()
    model.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    try:
        done = subprocess.run(
            ["make", "run"],
            cwd=project,
            env=os.environ | {"APP_PORT": str(port)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        output = done.stdout + done.stderr
        report.want(done.returncode != 0, "a tampered model is served")
        report.want("Traceback" not in output, "a tampered model causes a traceback")
        report.want(
            "sha256" in output.lower() or "hash" in output.lower(),
            f"unclear error message: {output[-300:]}",
        )
    except subprocess.TimeoutExpired:
        report.want(held=False, finding="a tampered model is served")
    finally:
        model.write_bytes(good)


def known(project: Path, dataset: str) -> tuple[list[list[float]], list[str]]:
    """Return rows and their true labels."""
    if dataset == "mnist":
        drawn = draw(random.Random(2), 300)
        return [[float(each) for each in pixels] for pixels, _ in drawn], [str(d) for _, d in drawn]
    script = (
        "import json, sys; from sklearn import datasets as d;"
        f"s = d.load_{dataset}(); names = [str(each) for each in s.target_names];"
        "print(json.dumps([s.data.tolist(), [names[each] for each in s.target]]))"
    )
    python = str(project / ".venv" / "bin" / "python")
    values, labels = json.loads(subprocess.check_output([python, "-c", script], cwd=project))
    return values, labels


def draw(source: random.Random, count: int) -> list[tuple[bytes, int]]:
    """Draw digits as a seven-segment display shows them, shifted and with noise."""
    drawn = []
    for index in range(count):
        digit = index % 10
        pixels = bytearray(SIDE * SIDE)
        left, top = source.randint(6, 10), source.randint(3, 7)
        for segment, lit in enumerate(SEGMENTS[digit]):
            if lit == "1":
                _segment(pixels, segment, left, top)
        for _ in range(20):
            pixels[source.randrange(SIDE * SIDE)] = source.randint(0, 255)
        drawn.append((bytes(pixels), digit))
    return drawn


def _segment(pixels: bytearray, segment: int, left: int, top: int) -> None:
    """Draw one segment, two pixels wide and ten long."""
    horizontal = segment in (0, 3, 6)
    x = left + (10 if segment in (2, 5) else 0)
    y = top + {0: 0, 1: 0, 2: 0, 3: 9, 4: 9, 5: 9, 6: 18}[segment]
    for along in range(10):
        for across in range(2):
            column, row = (x + along, y + across) if horizontal else (x + across, y + along)
            pixels[row * SIDE + column] = 255


def write_idx(folder: Path) -> None:
    """Write the four files of MNIST under their original names, with digits drawn here."""
    folder.mkdir(exist_ok=True)
    for name, seed, count in (("train", 0, 3000), ("t10k", 1, 500)):
        drawn = draw(random.Random(seed), count)
        head = struct.pack(">IIII", 0x803, count, SIDE, SIDE)
        images = head + b"".join(pixels for pixels, _ in drawn)
        (folder / f"{name}-images-idx3-ubyte").write_bytes(images)
        labels = struct.pack(">II", 0x801, count) + bytes(digit for _, digit in drawn)
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(labels)


if __name__ == "__main__":
    sys.exit(main())
