"""`make demo`: send a stream with drift to a monitor, show its alerts, then stop."""

import secrets
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from . import stream
from .client import Client, ClientError
from .defaults import TASK
from .receiver import Receiver, receiving
from .web.launch import StartError, running

_TIMEOUT = 300
"""Seconds to wait for a check or an alert."""


class DemoError(Exception):
    """The demo did not go as expected."""


def main() -> int:
    """Run the demo and return the exit code."""
    try:
        with TemporaryDirectory(prefix="demo-") as folder:
            _demo(Path(folder))
    except (ClientError, DemoError, StartError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _demo(folder: Path) -> None:
    reference = folder / "reference.parquet"
    stream.write_reference(reference, TASK)
    print(f"1. Reference: {stream.DESCRIPTION}")
    key = secrets.token_urlsafe(24)
    with receiving() as receiver:
        settings = {
            "APP_API_KEYS": key,
            "APP_STORE": "duckdb",
            "APP_DATA_DIR": str(folder / "var"),
            "APP_REFERENCE": str(reference),
            "APP_WINDOW_ROWS": str(stream.WINDOW),
            "APP_ALERT_ROUTES": "webhook",
            "APP_ALERT_WEBHOOK_URL": receiver.url,
            "APP_RATE_LIMIT": "off",
        }
        with running(settings) as server, Client(server.url, key) as client:
            print(f"2. Monitor running on {server.url}; it sends alerts to {receiver.url}")
            print("3. The model sends predictions and labels; the monitor checks each window:")
            _play(client)
            _show_alerts(client, receiver)
        print(f"6. Stopped with exit code {server.process.returncode}; nothing is left running")
    print("\nNext: start a monitor with `make run`, then `make play` in a second terminal.")


def _play(client: Client) -> None:
    """Send the stream window by window and print the result of each check."""
    printed: set[tuple[int, str]] = set()
    for windows, (predictions, labels) in enumerate(stream.batches(TASK), start=1):
        client.send("predictions", predictions)
        client.send("labels", labels)
        for result in _results(client, windows):
            check = (result["window"]["number"], result["stage"])
            if check not in printed:
                printed.add(check)
                print(_line(result))


def _results(client: Client, windows: int) -> Iterator[dict[str, Any]]:
    """Wait until the inputs and labels of all windows have been checked; return all results."""
    deadline = time.monotonic() + _TIMEOUT
    while time.monotonic() < deadline:
        results = client.get("/v1/windows?limit=1000")["windows"]
        if len(results) == 2 * windows:
            return iter(results)
        time.sleep(0.05)
    raise DemoError(f"window {windows} was not checked within {_TIMEOUT} s")


def _line(result: dict[str, Any]) -> str:
    mark = {"info": " ", "warning": "!", "critical": "!!"}[result["severity"]]
    number, stage = result["window"]["number"], result["stage"]
    return f"   window {number:>2} {stage} {mark:<2} {result['summary']}"


def _show_alerts(client: Client, receiver: Receiver) -> None:
    """Print all alerts and the incident that they are about."""
    expected = len(client.get("/v1/alerts")["alerts"])
    if not expected or not receiver.wait(expected, _TIMEOUT):
        raise DemoError(f"expected {expected} alerts, received {len(receiver.alerts)}")
    print(f"4. Alerts received: {len(receiver.alerts)}")
    for alert in receiver.alerts:
        print("\n".join(f"   | {line}" for line in alert["text"].splitlines()))
    [incident, *others] = client.get("/v1/incidents")["incidents"]
    if others:
        raise DemoError(f"one drift caused {1 + len(others)} incidents")
    print("5. The incident on the dashboard:")
    print(f"   when   from window {incident['opened_window']} to {incident['last_window']}")
    print(f"   where  {', '.join(incident['columns'])}")
    for cause in islice(incident["causes"], 3):
        print(f"   why    {cause['text']} ({cause['share']:.0%} of the change)")
    print(f"   page   {client.url}/incidents/{incident['id']} (while the monitor runs)")


if __name__ == "__main__":
    sys.exit(main())
