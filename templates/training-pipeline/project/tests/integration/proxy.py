"""A door in front of a server that can be shut: at once, or after so many requests."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_PER_HOP = ("connection", "keep-alive", "transfer-encoding")


class Door(ThreadingHTTPServer):
    """Passes requests on to a server, as long as it is open.

    Attributes:
        left: Requests that are still let through; none if there is no limit.
        passed: Requests that were let through.
    """

    daemon_threads = True

    def __init__(self, target: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target = urlsplit(target).netloc
        self.left: int | None = None
        self.passed = 0
        self._counting = threading.Lock()

    @property
    def uri(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def lets_through(self) -> bool:
        """Count a request, and tell whether it may pass."""
        with self._counting:
            if self.left == 0:
                return False
            self.passed += 1
            if self.left is not None:
                self.left -= 1
            return True


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Door

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if not self.server.lets_through():
            self.close_connection = True
            return  # hangs up without an answer, as a server that died would
        onward = http.client.HTTPConnection(self.server.target, timeout=60)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in _PER_HOP}
        onward.request(self.command, self.path, body, headers)
        answer = onward.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in (*_PER_HOP, "content-length"):
                self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        onward.close()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass_on  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def door(target: str) -> Iterator[Door]:
    """Put a door in front of `target`, an http address."""
    with Door(target) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
