"""End-to-end check of drift-monitor: act as the monitored model, add drift, check the alerts.

It uses only the project's make targets and HTTP interface, and only the standard library. The
stream is simulated here, independently of the project: only this script knows what drifts and when.

    python3 drift_monitor.py prepare PROJECT
    python3 drift_monitor.py check PROJECT [--url URL --env APP_API_KEYS=...]
"""

from __future__ import annotations

import csv
import json
import math
import os
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

from support import Report, Service, answer, arguments, running, wait_port  # type: ignore[import-not-found]

WINDOW = 500
CLEAN, DRIFT = 8, 4  # windows before the drift, and with it
CLEAN_Z = 2.5  # accepted distance of a mean from the reference, in standard errors
REFERENCE = range(10_000_000, 10_005_000)
READY_S = 300.0
CHECKED_S = 240.0
ENDS_S = 60.0
CITIES = ("aachen", "berlin", "celle", "dresden")
START = datetime(2026, 1, 5, tzinfo=UTC)


def main() -> int:
    asked = arguments()
    task = answer(asked.project, "drift_monitor_task")
    if asked.verb == "prepare":
        write_reference(asked.project / "data" / "proof.csv", task)
        return 0
    report = Report()
    if asked.url:
        check(Service(asked.url, asked.env.get("APP_API_KEYS", "")), task, report)
    else:
        check_locally(asked.project, task, report)
    report.tell()
    return 0


# -- The monitored model and its data


Row = tuple[dict[str, Any], dict[str, Any]]
"""A prediction and its label."""


def event(number: int, task: str, *, drifted: bool) -> Row:
    """A prediction and its label. With drift, `load` is 0.8 standard deviations higher."""
    return _event(seed_of(task), number, task, drifted=drifted)


@cache
def seed_of(task: str) -> int:
    """The first seed for which everything without drift also looks unchanged.

    Some unchanged windows look changed by chance, and a monitor may report a few of 1,000. This
    check uses a dozen windows and must not contain any, according to simple z-tests that are
    independent of the monitor's own tests.
    """
    return next(seed for seed in count() if _looks_clean(seed, task))


def _looks_clean(seed: int, task: str) -> bool:
    def columns(numbers: range, *, drifted: bool = False) -> dict[str, list[float]]:
        rows = [_event(seed, number, task, drifted=drifted) for number in numbers]
        features = [row["features"] for row, _ in rows]
        found = {name: [float(each[name]) for each in features] for name in ("load", "heat")}
        found |= {city: [float(each["city"] == city) for each in features] for city in CITIES}
        found["loss"] = [_loss(row["prediction"], label["label"]) for row, label in rows]
        return found

    reference = columns(REFERENCE)
    for at in range(CLEAN + DRIFT + 1):
        drifted = at >= CLEAN
        window = columns(range(at * WINDOW, (at + 1) * WINDOW), drifted=drifted)
        for name in reference.keys() - ({"load"} if drifted else set()):
            error = statistics.stdev(reference[name]) * math.sqrt(1 / WINDOW + 1 / len(REFERENCE))
            shift = abs(statistics.fmean(window[name]) - statistics.fmean(reference[name]))
            if shift > CLEAN_Z * error:
                return False
    return True


def _loss(prediction: Any, label: Any) -> float:
    return float(prediction != label) if isinstance(label, str) else abs(prediction - label)


def _event(seed: int, number: int, task: str, *, drifted: bool) -> Row:
    rng = random.Random(20_000_000 * seed + number)
    load = rng.gauss(50 + (8 if drifted else 0), 10)
    heat = rng.gauss(20, 5)
    city = rng.choices(CITIES, (4, 3, 2, 1))[0]
    signal = 0.15 * (heat - 20) + (0.5 if city == "celle" else 0)
    at = START + timedelta(seconds=30 * number)
    row: dict[str, Any] = {
        "id": f"proof-{number}",
        "happened_at": at.isoformat(),
        "features": {"load": round(load, 3), "heat": round(heat, 3), "city": city},
    }
    if task == "regression":
        row["prediction"] = round(100 + 3 * (heat - 20), 3)
        label: Any = round(row["prediction"] + rng.gauss(0, 4), 3)
    else:
        score = 1 / (1 + math.exp(-abs(signal) - 0.6))
        row["prediction"] = "high" if signal > 0 else "low"
        row["score"] = round(score, 4)
        other = "low" if signal > 0 else "high"
        label = row["prediction"] if rng.random() < score else other
    return row, {"id": row["id"], "label": label}


def write_reference(path: Path, task: str) -> None:
    """Write the reference: earlier events of the same stream, without drift."""
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        extra = ["score"] if task != "regression" else []
        writer.writerow(["load", "heat", "city", "prediction", *extra, "label"])
        for number in REFERENCE:
            row, label = event(number, task, drifted=False)
            values = [row["prediction"], *(row[name] for name in extra), label["label"]]
            writer.writerow([*row["features"].values(), *values])


# -- Receivers of alerts


@dataclass
class Inbox:
    """The received alerts, from any route; an alert with a known key is not counted again."""

    alerts: dict[str, str] = field(default_factory=dict)

    def add(self, key: str, text: str) -> None:
        self.alerts.setdefault(key, text)


@contextmanager
def web_receiver(inbox: Inbox) -> Iterator[str]:
    """A web server that accepts alerts by webhook or through Alertmanager's API."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            key = self.headers.get("Idempotency-Key", "")
            if not self.path.startswith("/api/v2/alerts"):
                inbox.add(key, body)
            else:
                for each in json.loads(body):
                    if each["endsAt"] > datetime.now(UTC).isoformat():
                        labels = each["labels"]
                        inbox.add(f"{labels['incident']}-{labels['severity']}", body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()


@contextmanager
def mail_receiver(inbox: Inbox) -> Iterator[str]:
    """A mail server that accepts everything (a minimal subset of RFC 5321)."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            with peer, peer.makefile("rb") as lines:
                _smtp_session(peer, lines, inbox)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"smtp://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _smtp_session(peer: socket.socket, lines: Any, inbox: Inbox) -> None:
    peer.sendall(b"220 proof\r\n")
    while line := lines.readline():
        verb = line[:4].upper().strip()
        if verb == b"DATA":
            peer.sendall(b"354 continue\r\n")
            mail = b"".join(iter(lines.readline, b".\r\n")).decode()
            found = re.search(r"^Message-ID: *(\S+)", mail, re.MULTILINE | re.IGNORECASE)
            inbox.add(found[1] if found else mail, mail)
        peer.sendall(b"221 bye\r\n" if verb == b"QUIT" else b"250 OK\r\n")
        if verb == b"QUIT":
            return


# -- The check


def check_locally(project: Path, task: str, report: Report) -> None:
    """Run the project with `make run`, a receiver of alerts and, if needed, PostgreSQL."""
    inbox = Inbox()
    route = answer(project, "drift_monitor_alerts")
    with ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
        env = {
            "APP_DATA_DIR": folder,
            "APP_REFERENCE": str(project / "data" / "proof.csv"),
            "APP_RATE_LIMIT": "off",
            "APP_WINDOW_ROWS": str(WINDOW),
        }
        if answer(project, "drift_monitor_store") == "postgres":
            env["APP_DATABASE_URL"] = stack.enter_context(postgres())
        if route == "email":
            env["APP_ALERT_SMTP_URL"] = stack.enter_context(mail_receiver(inbox))
            env["APP_ALERT_EMAIL_TO"] = "proof@example.com"
        else:
            url = stack.enter_context(web_receiver(inbox))
            env |= {"APP_ALERT_WEBHOOK_URL": url, "APP_ALERT_ALERTMANAGER_URL": url}
        with running(project, env, starts_s=READY_S, ends_s=ENDS_S) as monitor:
            if not monitor.ready(READY_S):
                report.want(held=False, finding="`make run` does not become ready")
                return
            check(monitor, task, report)
            check_alerts(inbox, report)
            ended = time.monotonic()
        report.want(time.monotonic() - ended < ENDS_S, "SIGTERM does not stop the service in time")
        check_restart(project, env, inbox, task, report)


def check(monitor: Service, task: str, report: Report) -> None:
    """Everything that can be checked over HTTP."""
    check_refusals(monitor, task, report)
    # The check above added one valid row. It is sent again with the others and must count once.
    clean = CLEAN * WINDOW
    send(monitor, range(clean), task, drifted=False)
    results = wait_windows(monitor, CLEAN, report)
    alarms = [each["window"]["number"] for each in results if each["drifted"]]
    report.figures["e2e_false_alarms"] = len(alarms)
    report.want(not alarms, f"false alarms in unchanged windows {alarms}")
    send(monitor, range(clean, clean + DRIFT * WINDOW), task, drifted=True)
    wait_windows(monitor, CLEAN + DRIFT, report)
    check_detection(monitor, report)
    check_pages(monitor, report)


def send(monitor: Service, numbers: range, task: str, *, drifted: bool) -> None:
    """Send predictions, each batch followed by its labels."""
    for start in range(numbers.start, numbers.stop, WINDOW):
        batch = range(start, min(start + WINDOW, numbers.stop))
        events = [event(number, task, drifted=drifted) for number in batch]
        monitor.json("/v1/predictions", {"predictions": [row for row, _ in events]})
        monitor.json("/v1/labels", {"labels": [label for _, label in events]})


def wait_windows(monitor: Service, count: int, report: Report) -> list[dict[str, Any]]:
    """Wait until the inputs and labels of this many windows have been checked."""
    until = time.monotonic() + CHECKED_S
    while True:
        results: list[dict[str, Any]] = monitor.json("/v1/windows?limit=1000")["windows"]
        stages = [each["stage"] for each in results]
        if min(stages.count("inputs"), stages.count("labels")) >= count:
            break
        if time.monotonic() > until:
            report.want(
                held=False, finding=f"{stages} after {CHECKED_S:.0f} s, expected {count} windows"
            )
            break
        time.sleep(0.5)
    checks = [(each["window"]["number"], each["stage"]) for each in results]
    report.want(len(checks) == len(set(checks)), "a window was checked twice")
    sizes = {each["window"]["rows"] for each in results}
    report.want(sizes <= {WINDOW}, f"windows have {sorted(sizes)} rows, expected {WINDOW}")
    return results


def check_detection(monitor: Service, report: Report) -> None:
    """The drift is detected in the right windows and column, and is one incident."""
    results = monitor.json("/v1/windows?limit=1000")["windows"]
    first = min((each["window"]["number"] for each in results), default=0)
    inputs = [each for each in results if each["stage"] == "inputs"]
    found = [each["window"]["number"] - first for each in inputs if each["drifted"]]
    report.want(
        found == list(range(CLEAN, CLEAN + DRIFT)),
        f"drift reported in windows {found}, expected {CLEAN} to {CLEAN + DRIFT - 1}",
    )
    columns = {
        check["column"] for each in inputs[CLEAN:] for check in each["columns"] if check["flagged"]
    }
    report.want("load" in columns, f"drift reported in {sorted(columns)}, but not in `load`")
    report.want(columns <= {"load"}, f"drift reported in {sorted(columns)}, expected only `load`")
    incidents = monitor.json("/v1/incidents")["incidents"]
    report.want(len(incidents) == 1, f"one drift caused {len(incidents)} incidents")
    for incident in incidents:
        report.want("load" in incident["columns"], f"the incident names {incident['columns']}")
        report.want(incident["opened_window"] - first == CLEAN, "the incident opens too late")
        causes = [cause["column"] for cause in incident["causes"]]
        report.want(causes[:1] == ["load"], f"the likely causes are {causes}")
    report.figures["e2e_incidents"] = len(incidents)


def check_refusals(monitor: Service, task: str, report: Report) -> None:
    """Malformed rows are quarantined and reported; invalid requests get a problem document."""
    valid, _ = event(0, task, drifted=False)
    rows: list[Any] = [{**valid, "id": None}, valid, {**valid, "id": "x", "features": [1]}, 7]
    answered = monitor.json("/v1/predictions", {"predictions": rows})
    report.want(
        (answered["added"], answered["quarantined"]) == (1, 3),
        f"one valid and three malformed rows gave {answered}",
    )
    named = [each["index"] for each in answered["refused"]]
    report.want(named == [0, 2, 3], f"rows {named} are reported as malformed, not 0, 2, 3")
    for name, body, wanted in (
        ("invalid JSON", b"{", {400}),
        ("an empty body", b"", {400, 422}),
        ("a list", [], {422}),
        ("no rows", {"predictions": []}, {422}),
        ("NaN", b'{"predictions": [NaN]}', {400, 422}),
        ("an unknown key", {"predictions": rows, "more": 1}, {422}),
    ):
        status, headers, _ = monitor.ask("/v1/predictions", body)
        kind = headers.get("content-type", "").partition(";")[0]
        report.want(status in wanted, f"{name} gets {status}, expected one of {sorted(wanted)}")
        report.want(
            kind == "application/problem+json", f"{name} gets {kind}, not a problem document"
        )
    if monitor.key:
        status = monitor.ask("/v1/windows", key="x" * 24)[0]
        report.want(status == 401, f"a wrong key gets {status}")


def check_pages(monitor: Service, report: Report) -> None:
    """The dashboard, a window, the column, the incident, the metrics; and Evidently's report."""
    number = monitor.json("/v1/windows?limit=1")["windows"][0]["window"]["number"]
    [incident, *_] = monitor.json("/v1/incidents")["incidents"] or [{"id": "none"}]
    for path in ("/", f"/windows/{number}", "/columns/load", f"/incidents/{incident['id']}"):
        status, headers, content = monitor.ask(path, key="")
        report.want(status == 200, f"the page {path} answers {status}")
        report.want(b"load" in content, f"the page {path} does not name the column")
        report.want("text/html" in headers.get("content-type", ""), f"the page {path} is not HTML")
    metrics = monitor.ask("/metrics", key="")[2].decode()
    events = re.search(r"^drift_events_total ([\d.e+]+)$", metrics, re.MULTILINE)
    wanted = (CLEAN + DRIFT) * WINDOW
    report.want(
        events and float(events[1]) == wanted, f"{events and events[1]} events, expected {wanted}"
    )
    until = time.monotonic() + CHECKED_S
    began = time.monotonic()
    while (status := monitor.ask(f"/windows/{number}/report", key="")[0]) == 202:
        if time.monotonic() > until:
            break
        time.sleep(1)
    report.want(status == 200, f"Evidently's report answers {status}")
    report.figures["e2e_report_s"] = round(time.monotonic() - began, 1)


def check_alerts(inbox: Inbox, report: Report) -> None:
    """Exactly one alert is sent, and it names the drifted column."""
    until = time.monotonic() + CHECKED_S
    while not inbox.alerts and time.monotonic() < until:
        time.sleep(0.2)
    time.sleep(2)  # time for a duplicate to arrive
    report.figures["e2e_alerts"] = len(inbox.alerts)
    report.want(len(inbox.alerts) == 1, f"one drift, {len(inbox.alerts)} alerts: {[*inbox.alerts]}")
    for text in inbox.alerts.values():
        report.want("load" in text, f"the alert does not name the column: {text[:300]}")


def check_restart(
    project: Path, env: dict[str, str], inbox: Inbox, task: str, report: Report
) -> None:
    """After a restart the service resumes where it stopped: no duplicate windows or alerts."""
    with running(project, env, starts_s=READY_S, ends_s=ENDS_S) as monitor:
        if not monitor.ready(READY_S):
            report.want(held=False, finding="the service does not start a second time")
            return
        start = (CLEAN + DRIFT) * WINDOW
        send(monitor, range(start - WINDOW, start + WINDOW), task, drifted=True)
        results = wait_windows(monitor, CLEAN + DRIFT + 1, report)
        numbers = {each["window"]["number"] for each in results}
        report.want(len(numbers) == CLEAN + DRIFT + 1, f"{len(numbers)} windows after a restart")
        incidents = monitor.json("/v1/incidents")["incidents"]
        report.want(len(incidents) == 1, f"{len(incidents)} incidents after a restart")
        time.sleep(2)
    report.want(len(inbox.alerts) == 1, f"{len(inbox.alerts)} alerts after a restart, not one")


# -- Processes


@contextmanager
def postgres() -> Iterator[str]:
    """A temporary PostgreSQL server; as it refuses to run as root, it then runs as nobody."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
    programs = Path(shutil.which("initdb") or folders[-1] / "initdb").parent
    folder = Path(tempfile.mkdtemp(prefix="proof-postgres-"))
    user: dict[str, Any] = {}
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody")
        user = {"user": "nobody", "extra_groups": []}
    data = folder / "data"
    create = [str(programs / "initdb"), "--auth=trust", "--username=drift", f"--pgdata={data}"]
    subprocess.run(create, check=True, stdout=sys.stderr, cwd=folder, **user)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = ("unix_socket_directories=", "listen_addresses=127.0.0.1", f"port={port}")
    flags = [flag for setting in settings for flag in ("-c", setting)]
    command = [str(programs / "postgres"), "-D", str(data), *flags]
    process = subprocess.Popen(command, stdout=sys.stderr, stderr=sys.stderr, cwd=folder, **user)
    try:
        wait_port(port, process, READY_S)
        time.sleep(1)
        yield f"postgresql://drift@127.0.0.1:{port}/postgres"
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
