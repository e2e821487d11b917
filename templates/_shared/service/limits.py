"""Limits on what one request, and all requests together, may take: size, time, number."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .metrics import HttpMetrics
from .problems import Problem

_CLOSE = {"Connection": "close"}
_EXPECT = (b"expect", b"100-continue")
_DROPPED_BYTES = 16 * 1024 * 1024
_DROPPED_SECONDS = 5
"""How much of a body that is too large is read and forgotten."""


@dataclass(slots=True)
class _Exchange:
    """How far one request has come."""

    received: int = 0
    complete: bool = False
    started: bool = False


class _Deadline:
    """Cancels the task after a while: `asyncio.timeout` at a fifth of its price."""

    def __init__(self, seconds: float) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - requests are answered in tasks
        self._task = task
        self._cancelling = task.cancelling()
        self._expired = False
        self._timer = asyncio.get_running_loop().call_later(seconds, self._expire)

    def _expire(self) -> None:
        self._expired = True
        self._task.cancel()

    def caused_it(self) -> bool:
        """Whether a cancellation comes from here alone; then it is taken back."""
        return self._expired and self._task.uncancel() <= self._cancelling

    def over(self) -> None:
        """The task was in time, or the deadline has passed."""
        self._timer.cancel()


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
            await _drop(scope, receive)
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
                    if not exchange.complete:
                        await _drop(scope, receive)
                    raise self._too_large()
            return message

        async def noted(message: Message) -> None:
            exchange.started = True
            await send(message)

        deadline = _Deadline(self.seconds)
        try:
            await self.app(scope, counted, noted)
        except asyncio.CancelledError as cancelled:
            if not deadline.caused_it():
                raise
            if exchange.started:
                raise TimeoutError from cancelled
            late = (
                Problem(503, "This took too long; try a smaller batch.", headers=_CLOSE)
                if exchange.complete
                else Problem(408, "The request body did not arrive in time.", headers=_CLOSE)
            )
            await self._refuse("time", late, scope, receive, send)
        finally:
            deadline.over()

    async def _refuse(
        self, reason: str, problem: Problem, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self.metrics.rejected.labels(reason).inc()
        await problem.response()(scope, receive, send)

    def _too_large(self) -> Problem:
        # What is left of the body is not worth reading, so the connection goes with it.
        return Problem(413, f"The body is larger than {self.max_body_bytes} bytes.", headers=_CLOSE)


async def _drop(scope: Scope, receive: Receive) -> None:
    """Read on for a while, and keep nothing.

    Most clients look for an answer only when they have sent everything; to close the
    connection before would be all that they notice. Those that ask first are told at once.
    """
    if _EXPECT in scope["headers"]:
        return
    dropped = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(_DROPPED_SECONDS):
            while dropped < _DROPPED_BYTES:
                message = await receive()
                dropped += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return


def _announced(scope: Scope) -> int:
    """The Content-Length, or 0; the server has refused those that are not numbers."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value)
    return 0
