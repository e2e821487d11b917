"""The service."""

from __future__ import annotations

import json
import os
import signal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

from .words import WORD


class Handler(BaseHTTPRequestHandler):
    """Answers `/health/ready` and `/v1/sum?of=1&of=2`."""

    def do_GET(self) -> None:
        """Answer one request."""
        url = urlsplit(self.path)
        if url.path == "/health/ready":
            self._answer({"word": WORD})
        elif url.path == "/v1/sum":
            self._answer({"sum": add([float(each) for each in parse_qs(url.query)["of"]])})
        else:
            self.send_error(404)

    def _answer(self, body: dict[str, str | float]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())


def add(numbers: list[float]) -> float:
    """Add numbers."""
    return sum(numbers)


def server() -> ThreadingHTTPServer:
    """Make the service, listening where the environment says."""
    address = (os.environ.get("APP_HOST", "127.0.0.1"), int(os.environ.get("APP_PORT", "8000")))
    return ThreadingHTTPServer(address, Handler)


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    service = server()
    signal.signal(signal.SIGTERM, lambda *_: Thread(target=service.shutdown).start())
    service.serve_forever()


if __name__ == "__main__":
    main()
