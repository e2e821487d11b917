"""A receiver of alerts for trying things out: a real HTTP server that keeps what it gets.

It knows idempotency keys, as receivers should: a request with a key it has seen is answered as
the first one was, and not kept again. The demo and the tests use it, and so can you:
`make receive` prints what comes in.
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
    """What has come in, and how to answer.

    Attributes:
        url: Where to send to.
        status: What the next requests are answered with; only those with 200 are kept.
        requests: Number of requests, repeated and refused ones included.
        alerts: Bodies that were kept, in order.
    """

    url: str = ""
    status: int = 200
    requests: int = 0
    alerts: list[dict[str, Any]] = field(default_factory=list)
    _keys: set[str] = field(default_factory=set)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def take(self, key: str, body: bytes) -> int:
        """Keep what came in, unless it is known; gives the status to answer with."""
        with self._changed:
            self.requests += 1
            if self.status == 200 and key not in self._keys:  # noqa: PLR2004 - the HTTP status
                self._keys.add(key)
                self.alerts.append(orjson.loads(body))
            self._changed.notify_all()
            return self.status

    def wait(self, alerts: int, seconds: float) -> bool:
        """Wait until so many alerts have come; whether they have."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self.alerts) >= alerts, seconds)


@contextmanager
def receiving(port: int = 0) -> Iterator[Receiver]:
    """Receive on a local port, 0 for a free one, for as long as the block lasts."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Take an alert; http.server calls it so."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(receiver.take(self.headers["Idempotency-Key"], body))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

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
    """Print alerts until Ctrl-C; gives the exit code."""
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
