"""The outermost layer: an id, a measurement and a log line for every request."""

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
_CLIENT_LEFT = 499  # not in the standard, but what proxies write, too

access = logging.getLogger("access")
logger = logging.getLogger(__name__)


class Observe:
    """ASGI middleware; nothing gets past it unseen, crashes included.

    Args:
        app: What answers the requests.
        metrics: Where they are counted.
        lifecycle: While it drains, clients are asked to connect elsewhere.
        sample: Share of successful requests that get a log line; errors always do.
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
        began = perf_counter()
        identity = _identity(scope["headers"])
        token = request_id.set(identity.decode())
        status = 0

        async def observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message["headers"], (_ID_HEADER, identity)]
                if self.lifecycle.draining:
                    headers.append(_CLOSE)
                message = {**message, "headers": headers}
            await send(message)

        self.metrics.running += 1
        try:
            await self.app(scope, receive, observed)
        except ClientDisconnect:
            status = status or _CLIENT_LEFT
        except Exception:
            logger.exception("unhandled error")
            if status:  # too late for another answer: let the server cut the connection
                raise
            sorry = "Something went wrong here. The log tells what, under this request id."
            await Problem(500, sorry).response()(scope, receive, observed)
        finally:
            self.metrics.running -= 1
            self._record(scope, status, perf_counter() - began)
            request_id.reset(token)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"]
        self.metrics.answered(method, _route(scope), status, seconds)
        if status >= _ERROR or self.sample >= 1 or random.random() < self.sample:  # noqa: S311 - no secret
            facts = {
                "method": method,
                "path": scope["path"],
                "status": status,
                "ms": round(seconds * 1000, 2),
                "client": (scope.get("client") or ("",))[0],
            }
            access.info("request", extra={"facts": facts})


def _identity(headers: list[tuple[bytes, bytes]]) -> bytes:
    """The caller's request id, if it is a harmless one, or a new one."""
    for name, value in headers:
        if name == _ID_HEADER and _ID.fullmatch(value):
            return value
    return b"%016x" % random.getrandbits(64)


def _route(scope: Scope) -> str:
    """The route's template, so that paths with ids in them stay one time series."""
    route: str = getattr(scope.get("route"), "path", "unmatched")
    return route
