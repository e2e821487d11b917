"""How fast is the generated service? The same model behind LitServe and BentoML, side by side.

    python benchmarks/serving.py [--dataset digits] [--rounds 5] [--seconds 4] [--work DIR]

Renders `model-service`, trains it, and serves the same ONNX model three times with one worker
each: with the generated service at its defaults, except for the rate limit and the access log
(so with API keys, limits, metrics and request ids), with LitServe and with BentoML, which
validate requests with an equal pydantic schema. All run on uvicorn with uvloop and httptools.
Rounds are interleaved, and medians are printed. Requests/s are measured in a closed loop (`wrk`
on PATH), latencies with the generated project's own open-loop generator at the same rate for
all, and CPU time per request covers all processes of a server. Fails if a goal is missed.
"""

import argparse
import asyncio
import importlib
import json
import os
import re
import secrets
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PEERS = {"litserve": "litserve==0.2.19", "bentoml": "bentoml==1.4.39"}
GOALS = {"litserve": 4.0, "bentoml": 6.0}
CONNECTIONS = 16
OPEN_LOOP_SHARE = 0.5
QUIET = {
    "BENTOML_DO_NOT_TRACK": "True",
    "DO_NOT_TRACK": "true",
    "ORT_DISABLE_TELEMETRY": "1",
    "PYTHONDONTWRITEBYTECODE": "",
}


@dataclass(slots=True)
class Contestant:
    """A running server and its measurements."""

    name: str
    url: str
    process: int
    headers: dict[str, str] = field(default_factory=dict)
    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)


def run(*command: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> None:
    """Run a setup command; its output is shown only if it fails."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **QUIET, **(env or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")


def prepare(work: Path, dataset: str) -> None:
    """Render, install and train the service; install the peers; all byte-compiled."""
    catalog = work / "catalog"
    shutil.rmtree(catalog, ignore_errors=True)
    catalog.mkdir()
    shutil.copy(ROOT / "copier.yml", catalog)
    shutil.copytree(ROOT / "templates", catalog / "templates")
    answers = [
        "template=model-service",
        "project_name=bench-api",
        f"model_service_dataset={dataset}",
    ]
    data = [part for answer in answers for part in ("--data", answer)]
    copier = [sys.executable, "-m", "copier", "copy", "--quiet", "--defaults", "--overwrite"]
    run(*copier, *data, catalog, work / "project", cwd=work)
    project = work / "project"
    environment(work / "ours", ["--constraint", project / "constraints.txt", f"{project}[train]"])
    for name, requirement in PEERS.items():
        # BentoML alone does not install uvicorn's faster components, which the others use.
        environment(work / name, [requirement, "onnxruntime", "numpy", "uvicorn[standard]"])
    train = [work / "ours/bin/python", "-m", "bench_api.training", "--models", work / "models"]
    run(*train, cwd=work)


def environment(folder: Path, what: Sequence[str | Path]) -> None:
    if not folder.exists():
        run("uv", "venv", "--quiet", "--python", sys.executable, folder, cwd=folder.parent)
    install = ["uv", "pip", "install", "--quiet", "--compile-bytecode", "--python"]
    ours = ["--reinstall-package", "bench-api"] if folder.name == "ours" else []
    run(*install, folder / "bin/python", *ours, *what, cwd=folder.parent)


@contextmanager
def serving(
    name: str, command: Sequence[str | Path], env: Mapping[str, str], port: int, work: Path
) -> Iterator[Contestant]:
    """Run a server in its own session, so that all its processes can be found."""
    log = work / f"{name}.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=ROOT / "benchmarks" / "peers",
            env={**os.environ, **QUIET, **env},
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        wait_for(port, process, log)
        yield Contestant(name, f"http://127.0.0.1:{port}/v1/predict", process.pid)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    sys.exit(f"a server did not start:\n{log.read_text(errors='replace')}")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def start_all(work: Path, stack: ExitStack) -> list[Contestant]:
    key = secrets.token_urlsafe(24)
    models = str(work / "models")
    ports = {name: free_port() for name in ("ours", *PEERS)}
    ours = {
        "APP_PORT": str(ports["ours"]),
        "APP_MODELS_DIR": models,
        "APP_AUTH": "api-key",
        "APP_API_KEYS": key,
        "APP_RATE_LIMIT": "off",
        "APP_ACCESS_LOG_SAMPLE": "0",
    }
    bento = ["serve", "bentoml_app:Service", "--host", "127.0.0.1", "--port", str(ports["bentoml"])]
    commands: dict[str, tuple[list[str | Path], dict[str, str]]] = {
        "ours": ([work / "ours/bin/python", "-m", "bench_api.serving"], ours),
        "litserve": (
            [work / "litserve/bin/python", "litserve_app.py", models, str(ports["litserve"])],
            {},
        ),
        "bentoml": ([work / "bentoml/bin/bentoml", *bento], {"MODELS": models}),
    }
    contestants = [
        stack.enter_context(serving(name, command, env, ports[name], work))
        for name, (command, env) in commands.items()
    ]
    contestants[0].headers["X-API-Key"] = key
    return contestants


def request_body(work: Path) -> bytes:
    """A request with one held-out row."""
    models = work / "models"
    folder = models / (models / "current").read_text().strip()
    manifest = json.loads((folder / "manifest.json").read_text())
    names = [feature["name"] for feature in manifest["features"]]
    row = manifest["examples"][0]["row"]
    content = row if manifest["image"] else dict(zip(names, row, strict=True))
    return json.dumps({"rows": [content]}).encode()


def post(contestant: Contestant, body: bytes) -> dict[str, Any]:
    """Send one request."""
    headers = {"Content-Type": "application/json", **contestant.headers}
    request = urllib.request.Request(contestant.url, body, headers)  # noqa: S310 - ours
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
        answer: dict[str, Any] = json.loads(response.read())
        return answer


def ask(contestant: Contestant, body: bytes) -> dict[str, Any]:
    """Send one request, and retry while the workers of the server are still starting."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return post(contestant, body)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def check_equal(contestants: Sequence[Contestant], body: bytes) -> None:
    """Fail unless all servers predict the same and refuse a number in quotes."""
    first, *others = [ask(contestant, body)["predictions"][0] for contestant in contestants]
    for other in others:
        if any(other[name] != first[name] for name in ("label", "probabilities")):
            sys.exit(f"the servers disagree: {first} and {other}")
    bad = json.loads(body)
    row = bad["rows"][0]
    first = next(iter(row)) if isinstance(row, dict) else 0
    row[first] = str(row[first])
    invalid = json.dumps(bad).encode()
    for contestant in contestants:
        try:
            post(contestant, invalid)
        except urllib.error.HTTPError as error:
            if error.code in (400, 422):
                continue
        sys.exit(f"{contestant.name} accepts what the others refuse")


def cpu_seconds(root: int) -> float:
    """User and system time of a process and all its descendants."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(") ")[2].split()
        except OSError:  # the process has ended
            continue
        process = int(stat.parent.name)
        parents[process] = int(fields[1])
        ticks[process] = int(fields[11]) + int(fields[12])
    family = {root}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(ticks.get(process, 0) for process in family) / os.sysconf("SC_CLK_TCK")


def closed_loop(contestant: Contestant, body: bytes, seconds: float, work: Path) -> None:
    """Send requests as fast as responses arrive, over 16 connections."""
    script = work / f"{contestant.name}.lua"
    headers = {"Content-Type": "application/json", **contestant.headers}
    lines = [f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items()]
    script.write_text("\n".join(['wrk.method = "POST"', *lines, f"wrk.body = [[{body.decode()}]]"]))
    wrk = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s", "-s", str(script), contestant.url]
    before = cpu_seconds(contestant.process)
    output = subprocess.run(wrk, capture_output=True, text=True, check=True).stdout
    used = cpu_seconds(contestant.process) - before
    if "Non-2xx" in output or "Socket errors" in output:
        sys.exit(f"{contestant.name} failed under load:\n{output}")
    count = re.search(r"(\d+) requests in", output)
    rate = re.search(r"Requests/sec:\s+([0-9.]+)", output)
    if count is None or rate is None:
        sys.exit(f"can't read the output of wrk:\n{output}")
    contestant.rates.append(float(rate[1]))
    contestant.cpu.append(used / int(count[1]) * 1e6)


def open_loop(contestant: Contestant, body: bytes, rate: float, seconds: float, work: Path) -> None:
    """Send requests on schedule, with the generated project's own generator."""
    sys.path.insert(0, str(work / "project"))
    client = importlib.import_module("loadtest.client")
    generator = importlib.import_module("loadtest.open_loop")
    sender = client.Client.post(contestant.url, body, contestant.headers)
    report = asyncio.run(generator.run(sender, rate, seconds))
    if not report.succeeded:
        sys.exit(f"{contestant.name} failed in the open loop:\n{report}")
    contestant.p50.append(report.quantile(0.5) * 1000)
    contestant.p99.append(report.quantile(0.99) * 1000)


def report(contestants: Sequence[Contestant], rate: float) -> int:
    """Print the medians and the ratios; return the number of goals missed."""
    print(f"\nmedians of {len(contestants[0].rates)} interleaved rounds; open loop at {rate:.0f}/s")
    print(f"{'':10}{'req/s':>8}{'CPU us/req':>12}{'p50 ms':>9}{'p99 ms':>9}")
    medians = {
        c.name: [statistics.median(x) for x in (c.rates, c.cpu, c.p50, c.p99)] for c in contestants
    }
    for name, (speed, cpu, p50, p99) in medians.items():
        print(f"{name:10}{speed:8.0f}{cpu:12.0f}{p50:9.2f}{p99:9.2f}")
    missed = 0
    ours = medians["ours"]
    for name, goal in GOALS.items():
        speed, cpu = ours[0] / medians[name][0], medians[name][1] / ours[1]
        verdicts = [
            (speed >= goal, f"at least {goal:g}"),
            (ours[3] <= medians[name][3], "no worse"),
        ]
        missed += sum(not held for held, _ in verdicts)
        words = ["held" if held else "MISSED" for held, _ in verdicts]
        print(
            f"against {name}: {speed:.1f} times the req/s (goal {verdicts[0][1]}: {words[0]}), "
            f"{cpu:.1f} times less CPU per request, "
            f"p99 {ours[3]:.2f} to {medians[name][3]:.2f} ms (goal {verdicts[1][1]}: {words[1]})"
        )
    return missed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--dataset", default="iris", choices=["iris", "digits"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4, help="duration of each measurement")
    parser.add_argument("--work", type=Path, help="folder that keeps environments between runs")
    options = parser.parse_args()
    if not shutil.which("wrk") or not shutil.which("uv"):
        sys.exit("this needs wrk and uv on PATH")
    with ExitStack() as stack:
        work = options.work or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        work = work.resolve()
        work.mkdir(parents=True, exist_ok=True)
        prepare(work, options.dataset)
        contestants = start_all(work, stack)
        body = request_body(work)
        check_equal(contestants, body)
        for contestant in contestants:  # warm-up, not counted
            closed_loop(contestant, body, 1, work)
            contestant.rates.clear()
            contestant.cpu.clear()
        for _ in range(options.rounds):
            for contestant in contestants:
                closed_loop(contestant, body, options.seconds, work)
        rate = OPEN_LOOP_SHARE * min(statistics.median(c.rates) for c in contestants)
        for _ in range(options.rounds):
            for contestant in contestants:
                open_loop(contestant, body, rate, options.seconds, work)
        return 1 if report(contestants, rate) else 0


if __name__ == "__main__":
    sys.exit(main())
