"""Starts the service as a separate process and stops it: for demos, load tests and tests."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson

_SERVICE = f"{(__package__ or '').rpartition('.')[0]}.serving"
"""What `python -m` runs: the `serving` package next to this one."""


class StartError(Exception):
    """The service did not start; the message includes its output."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running service: its address, its process and its log file."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path


@contextmanager
def running(settings: Mapping[str, str], seconds: float = 60) -> Iterator[Server]:
    """Run the service on a free port for as long as the block lasts.

    Args:
        settings: Its settings as environment variables, like `{"APP_AUTH": "none"}`. Any local
            `.env` is ignored, and paths must be absolute.
        seconds: How long to wait for it to start, and later to stop.

    Raises:
        StartError: It did not start.
    """
    defaults = {"APP_HOST": "127.0.0.1", "APP_PORT": "0", "APP_LOG_FORMAT": "json"}
    environment = {**os.environ, **defaults, **settings}
    with TemporaryDirectory(prefix="service-") as folder:
        log = Path(folder, "log")
        with log.open("wb") as file:
            process = subprocess.Popen(  # noqa: S603 - runs this package
                [sys.executable, "-m", _SERVICE],
                cwd=folder,
                env=environment,
                stdout=file,
                stderr=file,
            )
        try:
            yield Server(_wait_for_url(process, log, seconds), process, log)
        finally:
            stop(process, seconds)


def stop(process: subprocess.Popen[bytes], seconds: float = 60) -> int:
    """Ask a service to stop, as an orchestrator does; return its exit code."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()


def _wait_for_url(process: subprocess.Popen[bytes], log: Path, seconds: float) -> str:
    """Read the service's log until it names the address it listens on."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        ended = process.poll() is not None
        for line in log.read_bytes().splitlines():
            if line.startswith(b"{") and (url := _url(line)):
                return url
        if ended:
            break
        time.sleep(0.02)
    raise StartError(f"the service did not start:\n{log.read_text(errors='replace')}")


def _url(line: bytes) -> str | None:
    try:
        entry = orjson.loads(line)
    except orjson.JSONDecodeError:  # a line that is still being written
        return None
    return str(entry["url"]) if entry.get("message") == "listening" else None
