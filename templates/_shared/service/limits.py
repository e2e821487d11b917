"""Limits on what one request, and all requests together, may take: size, time, number."""

import asyncio
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .metrics import HttpMetrics
from .problems import Problem

_CLOSE = {"Connection": "close"}


@dataclass(slots=True)
class _Exchange:
    """How far one request has come."""

    received: int = 0
    complete: bool = False
    started: bool = False


class Limits:
    """ASGI middleware that turns away what would take too much.

    Args:
        app: What answers the requests.
        metrics: Where refusals are counted.
        max_body_bytes: Bodies above this get 413, whether announced or streamed.
        max_concurrency: Requests beyond this number get 503 at once instead of a queue.
        seconds: Time for one request, its upload included: then 408, or 503 if the wait
            is ours.
        exempt: Paths (prefixes) that are always answered: probes must not queue with load.
    """

    def __init__(  # noqa: PLR0913 - one argument per limit
        self,
        app: ASGIApp,
        metrics: HttpMetrics,
        *,
        max_body_bytes: int,
        max_concurrency: int,
        seconds: float,
        exempt: tuple[str, ...],
    ) -> None:
        self.app = app
        self.metrics = metrics
        self.max_body_bytes = max_body_bytes
        self.max_concurrency = max_concurrency
        self.seconds = seconds
        self.exempt = exempt
        self.running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["path"].startswith(self.exempt):
            await self.app(scope, receive, send)
        elif self.running >= self.max_concurrency:
            busy = Problem(
                503, "Too many requests at once; try again.", headers={"Retry-After": "1"}
            )
            await self._refuse("concurrency", busy, scope, receive, send)
        elif _announced(scope) > self.max_body_bytes:
            await self._refuse("body", self._too_large(), scope, receive, send)
        else:
            self.running += 1
            try:
                await self._limited(scope, receive, send)
            finally:
                self.running -= 1

    async def _limited(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = _Exchange()

        async def counted() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                exchange.received += len(message.get("body", b""))
                exchange.complete = not message.get("more_body", False)
                if exchange.received > self.max_body_bytes:
                    self.metrics.rejected.labels("body").inc()
                    raise self._too_large()
            return message

        async def noted(message: Message) -> None:
            exchange.started = True
            await send(message)

        try:
            async with asyncio.timeout(self.seconds) as deadline:
                await self.app(scope, counted, noted)
        except TimeoutError:
            if exchange.started or not deadline.expired():
                raise
            late = (
                Problem(503, "This took too long; try a smaller batch.", headers=_CLOSE)
                if exchange.complete
                else Problem(408, "The request body did not arrive in time.", headers=_CLOSE)
            )
            await self._refuse("time", late, scope, receive, send)

    async def _refuse(
        self, reason: str, problem: Problem, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self.metrics.rejected.labels(reason).inc()
        await problem.response()(scope, receive, send)

    def _too_large(self) -> Problem:
        # The rest of the body is not worth reading, so the connection goes with it.
        return Problem(413, f"The body is larger than {self.max_body_bytes} bytes.", headers=_CLOSE)


def _announced(scope: Scope) -> int:
    """The Content-Length, or 0; the server has refused those that are not numbers."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value)
    return 0
