"""`make demo`: a stream with drift in it, a monitor, a receiver of alerts; ends by itself."""

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

_SECONDS = 300
"""How long to wait for something to happen."""


class DemoError(Exception):
    """What was to happen did not."""


def main() -> int:
    """Run the demo; gives the exit code."""
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
    print(f"1. What is normal: {stream.DESCRIPTION}")
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
            print(f"2. A monitor on {server.url}; its alerts go to {receiver.url}")
            print("3. The model predicts, and labels follow; each window is checked:")
            _play(client)
            _tell(client, receiver)
        print(f"6. Stopped with exit code {server.process.returncode}; nothing is left running")
    print("\nNext: `make run` keeps a monitor up; `make play`, in a second terminal, feeds it.")


def _play(client: Client) -> None:
    """Send the stream window by window, and print what is found in each."""
    printed: set[tuple[int, str]] = set()
    for windows, (predictions, labels) in enumerate(stream.batches(TASK), start=1):
        client.send("predictions", predictions)
        client.send("labels", labels)
        for result in _results(client, windows):
            identity = (result["window"]["number"], result["stage"])
            if identity not in printed:
                printed.add(identity)
                print(_line(result))


def _results(client: Client, windows: int) -> Iterator[dict[str, Any]]:
    """All results, once so many windows have been checked, inputs and labels."""
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        results = client.get("/v1/windows?limit=1000")["windows"]
        if len(results) == 2 * windows:
            return iter(results)
        time.sleep(0.05)
    raise DemoError(f"window {windows} was not checked in {_SECONDS} s")


def _line(result: dict[str, Any]) -> str:
    sign = {"info": " ", "warning": "!", "critical": "!!"}[result["severity"]]
    what = {"inputs": "inputs", "labels": "labels"}[result["stage"]]
    return f"   window {result['window']['number']:>2} {what} {sign:<2} {result['summary']}"


def _tell(client: Client, receiver: Receiver) -> None:
    """Print the alerts that came, all of them, and where to look."""
    told = len(client.get("/v1/alerts")["alerts"])
    if not told or not receiver.wait(told, _SECONDS):
        raise DemoError(f"{told} alerts were to come, {len(receiver.alerts)} did")
    print(f"4. Alerts that came: {len(receiver.alerts)}")
    for alert in receiver.alerts:
        print("\n".join(f"   | {line}" for line in alert["text"].splitlines()))
    [incident, *others] = client.get("/v1/incidents")["incidents"]
    if others:
        raise DemoError(f"one drift made {1 + len(others)} incidents")
    print("5. The incident, as the dashboard shows it:")
    print(f"   when   from window {incident['opened_window']} to {incident['last_window']}")
    print(f"   where  {', '.join(incident['columns'])}")
    for cause in islice(incident["causes"], 3):
        print(f"   why    {cause['text']} ({cause['share']:.0%} of the change)")
    print(f"   look   {client.url}/incidents/{incident['id']} while it runs")


if __name__ == "__main__":
    sys.exit(main())
