"""An alert receiver for the demo and the tests: a real HTTP server that keeps what it receives.

It handles idempotency keys as receivers should: a request with a known key gets the same answer as
the first one, but is not kept again. `make receive` runs it and prints the alerts.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson


@dataclass
class Receiver:
    """The received alerts, and the status to answer with.

    Attributes:
        url: The address to send alerts to.
        status: Status of the next answers; only requests answered with 200 are kept.
        requests: Number of requests, including repeated and refused ones.
        alerts: The bodies that were kept, in order.
    """

    url: str = ""
    status: int = 200
    requests: int = 0
    alerts: list[dict[str, Any]] = field(default_factory=list)
    _keys: set[str] = field(default_factory=set)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def take(self, key: str, body: bytes) -> int:
        """Keep an alert unless its key is known; return the status to answer with."""
        with self._changed:
            self.requests += 1
            if self.status == 200 and key not in self._keys:  # noqa: PLR2004 - the HTTP status
                self._keys.add(key)
                self.alerts.append(orjson.loads(body))
            self._changed.notify_all()
            return self.status

    def wait(self, alerts: int, seconds: float) -> bool:
        """Wait until this many alerts have arrived; return whether they have."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self.alerts) >= alerts, seconds)


@contextmanager
def receiving(port: int = 0) -> Iterator[Receiver]:
    """Run a receiver on a local port (0: any free port) while the block runs."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Handle an alert; the name is required by http.server."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(receiver.take(self.headers["Idempotency-Key"], body))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}/alerts"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def main(port: int = 9999) -> int:
    """Print alerts until Ctrl-C and return the exit code."""
    with receiving(port) as receiver, suppress(KeyboardInterrupt):
        print(f"APP_ALERT_WEBHOOK_URL={receiver.url}", flush=True)
        printed = 0
        while True:
            if receiver.wait(printed + 1, seconds=1):
                print(receiver.alerts[printed]["text"], end="\n\n", flush=True)
                printed += 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
