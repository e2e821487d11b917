"""The outermost middleware: an id, metrics and a log line for every request."""

import logging
import random
import re
from time import perf_counter

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..logs import request_id
from .health import Lifecycle
from .metrics import HttpMetrics
from .problems import Problem

_ID_HEADER = b"x-request-id"
_ID = re.compile(rb"[A-Za-z0-9._:-]{1,64}")
_CLOSE = (b"connection", b"close")
_ERROR = 400
_CLIENT_LEFT = 499  # not in the standard, but nginx and other proxies log it, too

access = logging.getLogger("access")
logger = logging.getLogger(__name__)


class Observe:
    """ASGI middleware that records every request, crashes included.

    Args:
        app: Answers the requests.
        metrics: Counts and times the requests.
        lifecycle: While it is draining, responses ask clients to close the connection.
        sample: Share of successful requests that are logged; errors are always logged.
    """

    def __init__(
        self, app: ASGIApp, metrics: HttpMetrics, lifecycle: Lifecycle, sample: float
    ) -> None:
        self.app = app
        self.metrics = metrics
        self.lifecycle = lifecycle
        self.sample = sample

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started_at = perf_counter()
        current_id = _request_id(scope["headers"])
        token = request_id.set(current_id.decode())
        status = 0

        async def add_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message["headers"], (_ID_HEADER, current_id)]
                if self.lifecycle.draining:
                    headers.append(_CLOSE)
                message = {**message, "headers": headers}
            await send(message)

        self.metrics.in_flight += 1
        try:
            await self.app(scope, receive, add_headers)
        except ClientDisconnect:
            status = status or _CLIENT_LEFT
        except Exception:
            logger.exception("unhandled error")
            if status:  # too late for an error response: let the server cut the connection
                raise
            detail = "Internal error. The log has the details under this request id."
            await Problem(500, detail).response()(scope, receive, add_headers)
        finally:
            self.metrics.in_flight -= 1
            self._record(scope, status, perf_counter() - started_at)
            request_id.reset(token)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"]
        self.metrics.record(method, _route(scope), status, seconds)
        if status >= _ERROR or self.sample >= 1 or random.random() < self.sample:  # noqa: S311 - not a secret
            facts = {
                "method": method,
                "path": scope["path"],
                "status": status,
                "ms": round(seconds * 1000, 2),
                "client": (scope.get("client") or ("",))[0],
            }
            access.info("request", extra={"facts": facts})


def _request_id(headers: list[tuple[bytes, bytes]]) -> bytes:
    """Return the caller's request id if it is safe to log, else a new one."""
    for name, value in headers:
        if name == _ID_HEADER and _ID.fullmatch(value):
            return value
    return b"%016x" % random.getrandbits(64)


def _route(scope: Scope) -> str:
    """Return the route's template, so that paths with ids in them share one time series."""
    route: str = getattr(scope.get("route"), "path", "unmatched")
    return route
