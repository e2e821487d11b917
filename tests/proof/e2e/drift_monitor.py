"""End-to-end check of drift-monitor: be the watched model, plant a drift, see who hears of it.

It uses nothing of the project but its make targets and its HTTP interface, and nothing but the
standard library. The stream is its own: what drifts, where and from when is known here alone.

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
CALM, DRIFT = 8, 4  # windows before the drift, and with it
CALM_Z = 2.5  # farther from the reference than chance takes a mean, in standard errors
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


# -- The watched model and its world


Row = tuple[dict[str, Any], dict[str, Any]]
"""A prediction and its label."""


def event(number: int, task: str, *, drifted: bool) -> Row:
    """A prediction and its label. Drifted: `load` is 0.8 standard deviations higher."""
    return _event(world(task), number, task, drifted=drifted)


@cache
def world(task: str) -> int:
    """The first of the possible worlds in which what did not change looks so.

    By chance some unchanged windows look changed, and a monitor that says so is right: of 1,000
    it may report some. In a dozen windows there is to be none, by plain z tests that know nothing
    of the monitor's own.
    """
    return next(each for each in count() if _looks_calm(each, task))


def _looks_calm(seed: int, task: str) -> bool:
    def columns(numbers: range, *, drifted: bool = False) -> dict[str, list[float]]:
        rows = [_event(seed, number, task, drifted=drifted) for number in numbers]
        features = [row["features"] for row, _ in rows]
        found = {name: [float(each[name]) for each in features] for name in ("load", "heat")}
        found |= {city: [float(each["city"] == city) for each in features] for city in CITIES}
        found["loss"] = [_loss(row["prediction"], label["label"]) for row, label in rows]
        return found

    usual = columns(REFERENCE)
    for at in range(CALM + DRIFT + 1):
        drifted = at >= CALM
        now = columns(range(at * WINDOW, (at + 1) * WINDOW), drifted=drifted)
        for name in usual.keys() - ({"load"} if drifted else set()):
            error = statistics.stdev(usual[name]) * math.sqrt(1 / WINDOW + 1 / len(REFERENCE))
            if abs(statistics.fmean(now[name]) - statistics.fmean(usual[name])) > CALM_Z * error:
                return False
    return True


def _loss(prediction: Any, label: Any) -> float:
    return float(prediction != label) if isinstance(label, str) else abs(prediction - label)


def _event(seed: int, number: int, task: str, *, drifted: bool) -> Row:
    chance = random.Random(20_000_000 * seed + number)
    load = chance.gauss(50 + (8 if drifted else 0), 10)
    heat = chance.gauss(20, 5)
    city = chance.choices(CITIES, (4, 3, 2, 1))[0]
    lean = 0.15 * (heat - 20) + (0.5 if city == "celle" else 0)
    at = START + timedelta(seconds=30 * number)
    row: dict[str, Any] = {
        "id": f"proof-{number}",
        "happened_at": at.isoformat(),
        "features": {"load": round(load, 3), "heat": round(heat, 3), "city": city},
    }
    if task == "regression":
        row["prediction"] = round(100 + 3 * (heat - 20), 3)
        label: Any = round(row["prediction"] + chance.gauss(0, 4), 3)
    else:
        score = 1 / (1 + math.exp(-abs(lean) - 0.6))
        row["prediction"] = "high" if lean > 0 else "low"
        row["score"] = round(score, 4)
        other = "low" if lean > 0 else "high"
        label = row["prediction"] if chance.random() < score else other
    return row, {"id": row["id"], "label": label}


def write_reference(path: Path, task: str) -> None:
    """What was normal: the same world, before."""
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        extra = ["score"] if task != "regression" else []
        writer.writerow(["load", "heat", "city", "prediction", *extra, "label"])
        for number in REFERENCE:
            row, label = event(number, task, drifted=False)
            values = [row["prediction"], *(row[name] for name in extra), label["label"]]
            writer.writerow([*row["features"].values(), *values])


# -- Those who hear of it


@dataclass
class Inbox:
    """Alerts that came in, by whatever way; those with a known key are not counted again."""

    alerts: dict[str, str] = field(default_factory=dict)

    def take(self, key: str, text: str) -> None:
        self.alerts.setdefault(key, text)


@contextmanager
def web_receiver(inbox: Inbox) -> Iterator[str]:
    """Takes POST requests; speaks enough of Alertmanager's API to be taken for one."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            key = self.headers.get("Idempotency-Key", "")
            if not self.path.startswith("/api/v2/alerts"):
                inbox.take(key, body)
            else:
                for each in json.loads(body):
                    if each["endsAt"] > datetime.now(UTC).isoformat():
                        labels = each["labels"]
                        inbox.take(f"{labels['incident']}-{labels['severity']}", body)
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
    """A mail server that says yes to everything (RFC 5321, as far as a sender needs it)."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            with peer, peer.makefile("rb") as lines:
                _converse(peer, lines, inbox)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"smtp://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _converse(peer: socket.socket, lines: Any, inbox: Inbox) -> None:
    peer.sendall(b"220 proof\r\n")
    while line := lines.readline():
        verb = line[:4].upper().strip()
        if verb == b"DATA":
            peer.sendall(b"354 go on\r\n")
            mail = b"".join(iter(lines.readline, b".\r\n")).decode()
            found = re.search(r"^Message-ID: *(\S+)", mail, re.MULTILINE | re.IGNORECASE)
            inbox.take(found[1] if found else mail, mail)
        peer.sendall(b"221 bye\r\n" if verb == b"QUIT" else b"250 yes\r\n")
        if verb == b"QUIT":
            return


# -- The check


def check_locally(project: Path, task: str, report: Report) -> None:
    """Run it with `make run`, a receiver of alerts and, if it wants one, a PostgreSQL."""
    inbox = Inbox()
    way = answer(project, "drift_monitor_alerts")
    with ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
        env = {
            "APP_DATA_DIR": folder,
            "APP_REFERENCE": str(project / "data" / "proof.csv"),
            "APP_RATE_LIMIT": "off",
            "APP_WINDOW_ROWS": str(WINDOW),
        }
        if answer(project, "drift_monitor_store") == "postgres":
            env["APP_DATABASE_URL"] = stack.enter_context(postgres())
        if way == "email":
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
        report.want(time.monotonic() - ended < ENDS_S, "SIGTERM does not end it in time")
        check_restart(project, env, inbox, task, report)


def check(monitor: Service, task: str, report: Report) -> None:
    """All that a client can check."""
    check_refusals(monitor, task, report)
    # The batch above left one good row behind; it is sent again with the others, and counts once.
    calm = CALM * WINDOW
    send(monitor, range(calm), task, drifted=False)
    results = wait_windows(monitor, CALM, report)
    alarms = [each["window"]["number"] for each in results if each["drifted"]]
    report.figures["e2e_false_alarms"] = len(alarms)
    report.want(not alarms, f"unchanged windows {alarms} are said to have drifted")
    send(monitor, range(calm, calm + DRIFT * WINDOW), task, drifted=True)
    wait_windows(monitor, CALM + DRIFT, report)
    check_found(monitor, report)
    check_pages(monitor, report)


def send(monitor: Service, numbers: range, task: str, *, drifted: bool) -> None:
    """Be the watched model; labels follow at once."""
    for start in range(numbers.start, numbers.stop, WINDOW):
        batch = range(start, min(start + WINDOW, numbers.stop))
        events = [event(number, task, drifted=drifted) for number in batch]
        monitor.json("/v1/predictions", {"predictions": [row for row, _ in events]})
        monitor.json("/v1/labels", {"labels": [label for _, label in events]})


def wait_windows(monitor: Service, count: int, report: Report) -> list[dict[str, Any]]:
    """Wait until so many windows have been checked, inputs and labels."""
    until = time.monotonic() + CHECKED_S
    while True:
        results: list[dict[str, Any]] = monitor.json("/v1/windows?limit=1000")["windows"]
        stages = [each["stage"] for each in results]
        if min(stages.count("inputs"), stages.count("labels")) >= count:
            break
        if time.monotonic() > until:
            report.want(
                held=False, finding=f"{stages} after {CHECKED_S:.0f} s, not {count} windows"
            )
            break
        time.sleep(0.5)
    both = [(each["window"]["number"], each["stage"]) for each in results]
    report.want(len(both) == len(set(both)), "a window was counted twice")
    sizes = {each["window"]["rows"] for each in results}
    report.want(sizes <= {WINDOW}, f"windows have {sorted(sizes)} rows, {WINDOW} are wanted")
    return results


def check_found(monitor: Service, report: Report) -> None:
    """The drift is found in the right window and the right column, and is one incident."""
    results = monitor.json("/v1/windows?limit=1000")["windows"]
    first = min((each["window"]["number"] for each in results), default=0)
    inputs = [each for each in results if each["stage"] == "inputs"]
    found = [each["window"]["number"] - first for each in inputs if each["drifted"]]
    report.want(
        found == list(range(CALM, CALM + DRIFT)),
        f"windows {found} are said to have drifted, {CALM} to {CALM + DRIFT - 1} did",
    )
    columns = {
        check["column"] for each in inputs[CALM:] for check in each["columns"] if check["flagged"]
    }
    report.want("load" in columns, f"the drift of `load` is not found, but {sorted(columns)}")
    report.want(columns <= {"load"}, f"{sorted(columns)} are said to have drifted, `load` did")
    incidents = monitor.json("/v1/incidents")["incidents"]
    report.want(len(incidents) == 1, f"one drift makes {len(incidents)} incidents")
    for incident in incidents:
        report.want("load" in incident["columns"], f"the incident names {incident['columns']}")
        report.want(incident["opened_window"] - first == CALM, "the incident opens too late")
        causes = [cause["column"] for cause in incident["causes"]]
        report.want(causes[:1] == ["load"], f"the likely causes are {causes}")
    report.figures["e2e_incidents"] = len(incidents)


def check_refusals(monitor: Service, task: str, report: Report) -> None:
    """Bad rows are kept apart and named; bad requests get a problem document; no 500 ever."""
    good, _ = event(0, task, drifted=False)
    rows: list[Any] = [{**good, "id": None}, good, {**good, "id": "x", "features": [1]}, 7]
    answered = monitor.json("/v1/predictions", {"predictions": rows})
    report.want(
        (answered["added"], answered["quarantined"]) == (1, 3),
        f"of one good and three bad rows {answered} is said",
    )
    named = [each["index"] for each in answered["refused"]]
    report.want(named == [0, 2, 3], f"rows {named} are named as bad, not 0, 2, 3")
    for name, body, wanted in (
        ("no JSON", b"{", {400}),
        ("nothing", b"", {400, 422}),
        ("a list", [], {422}),
        ("no rows", {"predictions": []}, {422}),
        ("NaN", b'{"predictions": [NaN]}', {400, 422}),
        ("an unknown key", {"predictions": rows, "more": 1}, {422}),
    ):
        status, headers, _ = monitor.ask("/v1/predictions", body)
        kind = headers.get("content-type", "").partition(";")[0]
        report.want(status in wanted, f"{name} gets {status}, {sorted(wanted)} is wanted")
        report.want(kind == "application/problem+json", f"{name} gets {kind}, no problem document")
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
        report.want("text/html" in headers.get("content-type", ""), f"the page {path} is no HTML")
    metrics = monitor.ask("/metrics", key="")[2].decode()
    events = re.search(r"^drift_events_total ([\d.e+]+)$", metrics, re.MULTILINE)
    wanted = (CALM + DRIFT) * WINDOW
    report.want(
        events and float(events[1]) == wanted, f"{events and events[1]} events, not {wanted}"
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
    """One alert went out, and says what matters."""
    until = time.monotonic() + CHECKED_S
    while not inbox.alerts and time.monotonic() < until:
        time.sleep(0.2)
    time.sleep(2)  # time for one too many
    report.figures["e2e_alerts"] = len(inbox.alerts)
    report.want(len(inbox.alerts) == 1, f"one drift, {len(inbox.alerts)} alerts: {[*inbox.alerts]}")
    for text in inbox.alerts.values():
        report.want("load" in text, f"the alert does not name the column: {text[:300]}")


def check_restart(
    project: Path, env: dict[str, str], inbox: Inbox, task: str, report: Report
) -> None:
    """Started again, it goes on where it stopped: nothing is counted or told twice."""
    with running(project, env, starts_s=READY_S, ends_s=ENDS_S) as monitor:
        if not monitor.ready(READY_S):
            report.want(held=False, finding="it does not start a second time")
            return
        start = (CALM + DRIFT) * WINDOW
        send(monitor, range(start - WINDOW, start + WINDOW), task, drifted=True)
        results = wait_windows(monitor, CALM + DRIFT + 1, report)
        numbers = {each["window"]["number"] for each in results}
        report.want(len(numbers) == CALM + DRIFT + 1, f"{len(numbers)} windows after a restart")
        incidents = monitor.json("/v1/incidents")["incidents"]
        report.want(len(incidents) == 1, f"{len(incidents)} incidents after a restart")
        time.sleep(2)
    report.want(len(inbox.alerts) == 1, f"{len(inbox.alerts)} alerts after a restart, not one")


# -- Processes


@contextmanager
def postgres() -> Iterator[str]:
    """A PostgreSQL of its own; it refuses to run as root, so then it runs as nobody."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
    programs = Path(shutil.which("initdb") or folders[-1] / "initdb").parent
    own = Path(tempfile.mkdtemp(prefix="proof-postgres-"))
    user: dict[str, Any] = {}
    if os.geteuid() == 0:
        shutil.chown(own, "nobody")
        user = {"user": "nobody", "extra_groups": []}
    data = own / "data"
    create = [str(programs / "initdb"), "--auth=trust", "--username=drift", f"--pgdata={data}"]
    subprocess.run(create, check=True, stdout=sys.stderr, cwd=own, **user)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = ("unix_socket_directories=", "listen_addresses=127.0.0.1", f"port={port}")
    flags = [flag for setting in settings for flag in ("-c", setting)]
    command = [str(programs / "postgres"), "-D", str(data), *flags]
    process = subprocess.Popen(command, stdout=sys.stderr, stderr=sys.stderr, cwd=own, **user)
    try:
        wait_port(port, process, READY_S)
        time.sleep(1)
        yield f"postgresql://drift@127.0.0.1:{port}/postgres"
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(own)


if __name__ == "__main__":
    sys.exit(main())
