"""End-to-end check of model-service: train, serve, ask as a client would, compare the numbers.

It uses nothing of the project but its make targets and its HTTP interface, and nothing but the
standard library. The truth it compares with is scikit-learn's own copy of the data set, or the
digits that it drew itself.

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
LARGE = 1_000_000  # bytes that a service may refuse without reading them to the end

# Which of the seven segments a digit lights: top, upper left and right, middle, lower ones, bottom.
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
        ask_everything(service, asked.project, report)
    else:
        check_locally(asked.project, report)
    report.tell()
    return 0


def check_locally(project: Path, report: Report) -> None:
    """Start it with `make run` and check what only its own machine can see."""
    # The limit protects from clients like this one.
    settings = {"APP_RATE_LIMIT": "100000/second"}
    with running(project, settings, starts_s=READY_S, ends_s=ENDS_S) as service:
        if not service.ready(READY_S):
            report.want(held=False, finding="`make run` does not become ready")
            return
        rows = ask_everything(service, project, report)
        check_counted(service, rows, report)
        check_artifact(service, project, report)
        check_swap(service, project, report)
        ended = time.monotonic()
    report.want(time.monotonic() - ended < ENDS_S, "SIGTERM does not end the service in time")
    check_tampered(project, report)


def ask_everything(service: Service, project: Path, report: Report) -> int:
    """All that a client can check; returns how many rows were predicted for it."""
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
    """Every row of the data set: the labels are right, the probabilities are probabilities."""
    predictions = []
    for start in range(0, len(rows), 100):
        predictions += service.json("/v1/predict", {"rows": rows[start : start + 100]})[
            "predictions"
        ]
    right = sum(each["label"] == label for each, label in zip(predictions, truth, strict=True))
    accuracy = right / len(rows)
    report.figures["e2e_accuracy"] = round(accuracy, 4)
    report.want(accuracy >= ACCURACY[dataset], f"{accuracy:.3f} of {dataset} are predicted right")
    for each in predictions:
        chances = each["probabilities"]
        whole = abs(sum(chances.values()) - 1) < 1e-4 and all(0 <= p <= 1 for p in chances.values())
        best = chances[each["label"]] == max(chances.values())
        if not (whole and best):
            report.want(held=False, finding=f"not probabilities: {each}")
            break
    alone = service.json("/v1/predict", {"rows": rows[:1]})["predictions"][0]
    near = all(
        abs(alone["probabilities"][label] - chance) < 1e-5
        for label, chance in predictions[0]["probabilities"].items()
    )
    report.want(near, "a row alone and the same row among others get different answers")
    return len(rows) + 1


def check_refusals(service: Service, row: Any, report: Report) -> int:
    """Bad requests get a problem document that says so; never a 500."""
    wrong = dict.fromkeys(row, "x") if isinstance(row, dict) else ["x"] * len(row)
    short = dict(list(row.items())[1:]) if isinstance(row, dict) else row[1:]
    huge = dict.fromkeys(row, 1e300) if isinstance(row, dict) else [1e300] * len(row)
    infinite = json.dumps({"rows": [row]}).replace("]", ", NaN]", 1).encode()
    for name, body, wanted in (
        ("no JSON", b"{", {400}),
        ("nothing", b"", {400, 422}),
        ("a list", [row], {422}),
        ("no rows", {"rows": []}, {422}),
        ("words for numbers", {"rows": [wrong]}, {422}),
        ("a missing feature", {"rows": [short]}, {422}),
        ("a number that no float32 holds", {"rows": [huge]}, {422}),
        ("NaN", infinite, {400, 422}),
        ("an unknown key", {"rows": [row], "more": 1}, {422}),
        ("too many rows", {"rows": [row] * 1001}, {413, 422}),
        ("bytes that are no UTF-8", b'{"rows": "\xff"}', {400, 422}),
        ("ten megabytes", b" " * 10_000_000, {413}),
    ):
        try:
            status, headers, content = service.ask("/v1/predict", body)
        except OSError as error:  # a service may close on one who sends too much
            large = len(body if isinstance(body, bytes) else json.dumps(body)) > LARGE
            report.want(large, f"{name}: {error}")
            continue
        kind = headers.get("content-type", "").partition(";")[0]
        report.want(status in wanted, f"{name} gets {status}, {sorted(wanted)} is wanted")
        report.want(kind == "application/problem+json", f"{name} gets {kind}, no problem document")
        if kind == "application/problem+json":
            problem = json.loads(content)
            report.want(
                problem.get("status") == status and problem.get("title"), f"{name}: {problem}"
            )
    for path, method, wanted_status in (("/v1/nothing", "GET", 404), ("/v1/predict", "GET", 405)):
        status = service.ask(path, method=method)[0]
        report.want(status == wanted_status, f"{method} {path} gets {status}")
    return 0


def check_key(service: Service, row: Any, auth: str, report: Report) -> None:
    """With keys, only their holders are let in; health is open to all."""
    for name, key in (("no key", ""), ("a wrong key", "x" * 24)):
        without = Service(service.url, "")
        status = without.ask("/v1/predict", {"rows": [row]}, key=key)[0]
        wanted = 401 if auth == "api-key" else 200
        report.want(status == wanted, f"{name} gets {status}, {wanted} is wanted")
        report.want(without.ask("/health/live", key=key)[0] == 200, f"{name}: health is closed")


def check_surface(service: Service, report: Report) -> None:
    """The page, the description, request ids."""
    status, headers, content = service.ask("/")
    report.want(status == 200 and b"<form" in content, f"the page at / answers {status}")
    report.want("text/html" in headers.get("content-type", ""), "the page at / is no HTML")
    described = service.json("/openapi.json")
    report.want("/v1/predict" in described["paths"], "/openapi.json lacks /v1/predict")
    example = described["components"]["schemas"]["PredictRequest"]["examples"][0]
    status = service.ask("/v1/predict", example)[0]
    report.want(status == 200, f"the example of /openapi.json gets {status}")
    echoed = service.ask("/health/live")[1].get("x-request-id")
    report.want(echoed == "proof-1", f"X-Request-ID comes back as {echoed!r}")


def check_counted(service: Service, rows: int, report: Report) -> None:
    """The metrics count what was really predicted (the example and open doors come on top)."""
    text = service.ask("/metrics")[2].decode()
    counts = re.findall(r"^model_predictions_total\{[^}]*\} ([\d.e+]+)$", text, re.MULTILINE)
    counted = sum(float(each) for each in counts)
    report.want(rows <= counted <= rows + 4, f"{rows} rows were predicted, {counted} are counted")


def check_artifact(service: Service, project: Path, report: Report) -> None:
    """What is served is what lies on disk, and says where it comes from."""
    manifest = service.json("/v1/model")["manifest"]
    version = (project / "models" / "current").read_text().strip()
    report.want(
        manifest["version"] == version, f"{manifest['version']} answers, {version} is current"
    )
    model = (project / "models" / version / "model.onnx").read_bytes()
    digest = hashlib.sha256(model).hexdigest()
    report.want(manifest["model"]["sha256"] == digest, "the manifest's sha256 is not the model's")
    card = (project / "models" / version / "MODEL_CARD.md").read_text()
    shown = f"{manifest['metrics']['accuracy']:.4f}"
    report.want(shown in card, f"the model card lacks the accuracy, {shown}")


def check_swap(service: Service, project: Path, report: Report) -> None:
    """A newly trained model takes over while clients ask, and no request is lost."""
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

    asking = threading.Thread(target=client)
    asking.start()
    try:
        subprocess.run(["make", "train", "SEED=1"], cwd=project, check=True, stdout=sys.stderr)
        # Where the seed makes no difference it is the same model, with nothing to take over.
        trained = (project / "models" / "current").read_text().strip()
        until = time.monotonic() + SWAP_S
        while trained != before and service.json("/v1/model")["manifest"]["version"] != trained:
            if time.monotonic() > until:
                report.want(held=False, finding="a newly trained model does not take over")
                break
            time.sleep(0.2)
    finally:
        stop.set()
        asking.join()
    lost = [status for status in statuses if status != 200]
    report.want(
        not lost, f"{len(lost)} of {len(statuses)} requests were lost in the swap: {lost[:5]}"
    )
    report.figures["e2e_swap_requests"] = len(statuses)


def check_tampered(project: Path, report: Report) -> None:
    """A model that is not the one that was published is not served."""
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
        said = done.stdout + done.stderr
        report.want(done.returncode != 0, "a tampered model is served")
        report.want("Traceback" not in said, "a tampered model ends in a traceback")
        report.want(
            "sha256" in said.lower() or "hash" in said.lower(), f"unclear refusal: {said[-300:]}"
        )
    except subprocess.TimeoutExpired:
        report.want(held=False, finding="a tampered model is served")
    finally:
        model.write_bytes(good)


def known(project: Path, dataset: str) -> tuple[list[list[float]], list[str]]:
    """Rows and their true labels."""
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
    """Digits as a seven-segment display shows them, shifted and speckled."""
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
    """One segment, two pixels wide and ten long."""
    lying = segment in (0, 3, 6)
    x = left + (10 if segment in (2, 5) else 0)
    y = top + {0: 0, 1: 0, 2: 0, 3: 9, 4: 9, 5: 9, 6: 18}[segment]
    for along in range(10):
        for across in range(2):
            column, row = (x + along, y + across) if lying else (x + across, y + along)
            pixels[row * SIDE + column] = 255


def write_idx(folder: Path) -> None:
    """The four files of MNIST, under their own names, with digits drawn here."""
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
