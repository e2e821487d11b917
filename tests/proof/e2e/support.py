"""Shared by the end-to-end checks: a report, and a service as its clients see it."""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Asked:
    """The command line of a check; `verb` is `prepare` or `check`."""

    verb: str
    project: Path
    url: str | None  # the URL of a running container
    state: Path | None  # the folder that a container has written to
    env: dict[str, str]  # the environment that the container was started with


def arguments() -> Asked:
    parser = argparse.ArgumentParser()
    parser.add_argument("verb", choices=("prepare", "check"))
    parser.add_argument("project", type=Path)
    parser.add_argument("--url")
    parser.add_argument("--state", type=Path)
    parser.add_argument("--env", action="append", default=[])
    given = parser.parse_args()
    env = dict(each.split("=", 1) for each in given.env)
    return Asked(given.verb, given.project.resolve(), given.url, given.state, env)


def answer(project: Path, key: str) -> str:
    """Return an answer that the project was generated with, like `model_service_dataset`."""
    text = (project / ".copier-answers.yml").read_text()
    found = re.search(rf"^{key}: *(\S+)$", text, re.MULTILINE)
    return found[1].strip("'\"") if found else ""


@dataclass
class Report:
    """The findings and the figures of a check."""

    findings: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)

    def want(self, held: object, finding: str) -> None:
        if not held:
            self.findings.append(finding)

    def tell(self) -> None:
        """Print the report in the form that the harness reads."""
        print(json.dumps({"findings": self.findings, "figures": self.figures}))


@dataclass
class Service:
    """The service as its clients see it."""

    url: str
    key: str

    def ask(
        self, path: str, body: object = None, *, key: str | None = None, method: str | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Send one request; `body` is sent as JSON, or unchanged if it is bytes."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "X-Request-ID": "proof-1"}
        if key := self.key if key is None else key:
            headers["X-API-Key"] = key
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as response:
                return response.status, _lower(response.headers), response.read()
        except urllib.error.HTTPError as error:
            return error.code, _lower(error.headers), error.read()

    def json(self, path: str, body: object = None, *, key: str | None = None) -> Any:
        status, _, content = self.ask(path, body, key=key)
        if status != 200:
            message = f"{path} answered {status}: {content[:300]!r}"
            raise AssertionError(message)
        return json.loads(content)

    def ready(self, seconds: float) -> bool:
        """Return whether the service becomes ready in time."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            with suppress(OSError):
                if self.ask("/health/ready")[0] == 200:
                    return True
            time.sleep(0.2)
        return False


@contextmanager
def running(
    project: Path, settings: dict[str, str], *, starts_s: float, ends_s: float
) -> Iterator[Service]:
    """Run `make run` on a free port for as long as the block lasts, then send SIGTERM."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        ["make", "run"],
        cwd=project,
        env=os.environ | settings | {"APP_PORT": str(port)},
        stdout=sys.stderr,
        stderr=sys.stderr,
        start_new_session=True,
    )
    try:
        wait_port(port, process, starts_s)
        yield Service(f"http://127.0.0.1:{port}", settings.get("APP_API_KEYS") or _own_key(project))
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(ends_s)
            _wait_gone(process.pid, ends_s)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def wait_port(port: int, process: subprocess.Popen[bytes], seconds: float) -> None:
    """Wait until the port is open; the first `make run` may have a lot to set up."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)


def _wait_gone(group: int, seconds: float) -> None:
    until = time.monotonic() + seconds
    with suppress(ProcessLookupError):
        while time.monotonic() < until:
            os.killpg(group, 0)
            time.sleep(0.1)


def _own_key(project: Path) -> str:
    """Return the key that `make run` has generated."""
    env = project / ".env"
    text = env.read_text() if env.exists() else ""
    found = re.search(r"^APP_API_KEYS=([^,\s]+)", text, re.MULTILINE)
    return found[1] if found else ""


def _lower(headers: Any) -> dict[str, str]:
    return {key.lower(): value for key, value in headers.items()}
