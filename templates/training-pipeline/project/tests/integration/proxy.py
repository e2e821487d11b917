"""A reverse proxy that can refuse connections: at once, or after a number of requests."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_PER_HOP = ("connection", "keep-alive", "transfer-encoding")


class FlakyProxy(ThreadingHTTPServer):
    """Forwards requests to a server until its limit is reached.

    Attributes:
        remaining: Requests that it still forwards; `None` means no limit.
        forwarded: Requests that it has forwarded.
    """

    daemon_threads = True

    def __init__(self, target: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target = urlsplit(target).netloc
        self.remaining: int | None = None
        self.forwarded = 0
        self._lock = threading.Lock()

    @property
    def uri(self) -> str:
        """The address it listens on."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def admit(self) -> bool:
        """Count a request and decide whether to forward it."""
        with self._lock:
            if self.remaining == 0:
                return False
            self.forwarded += 1
            if self.remaining is not None:
                self.remaining -= 1
            return True


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FlakyProxy

    def _forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if not self.server.admit():
            self.close_connection = True
            return  # closes the connection without a response, as a crashed server would
        upstream = http.client.HTTPConnection(self.server.target, timeout=60)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in _PER_HOP}
        upstream.request(self.command, self.path, body, headers)
        response = upstream.getresponse()
        content = response.read()
        self.send_response(response.status)
        for name, value in response.getheaders():
            if name.lower() not in (*_PER_HOP, "content-length"):
                self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        upstream.close()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _forward  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def flaky_proxy(target: str) -> Iterator[FlakyProxy]:
    """Start a proxy in front of `target`, an http address."""
    with FlakyProxy(target) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
