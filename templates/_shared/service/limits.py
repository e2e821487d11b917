"""Limits on the size, the time and the number of requests."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .metrics import HttpMetrics
from .problems import Problem

_CLOSE = {"Connection": "close"}
_EXPECT = (b"expect", b"100-continue")
_DISCARD_BYTES = 16 * 1024 * 1024
_DISCARD_SECONDS = 5
"""How much of a body that is too large is read and discarded, and for how long."""


@dataclass(slots=True)
class _Exchange:
    """The progress of one request and its response."""

    received: int = 0
    complete: bool = False
    started: bool = False


class _Deadline:
    """Cancels the current task after a while, at a fifth of the cost of `asyncio.timeout`."""

    def __init__(self, seconds: float) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - every request is answered in a task
        self._task = task
        self._cancelling = task.cancelling()
        self._expired = False
        self._timer = asyncio.get_running_loop().call_later(seconds, self._expire)

    def _expire(self) -> None:
        self._expired = True
        self._task.cancel()

    def caused_cancellation(self) -> bool:
        """Return whether only this deadline cancelled the task, and if so, uncancel it."""
        return self._expired and self._task.uncancel() <= self._cancelling

    def stop(self) -> None:
        """Stop the timer: the request is over, in time or not."""
        self._timer.cancel()


class Limits:
    """ASGI middleware that rejects requests which would take too much.

    Args:
        app: Answers the requests.
        metrics: Counts the rejected requests.
        max_body_bytes: Larger bodies get 413, whether announced or streamed.
        max_concurrency: Requests beyond this number get 503 at once instead of being queued.
        seconds: Time limit for one request, its upload included. After that it gets 408 if the
            upload is late, or 503 if the response is.
        exempt: Path prefixes that are always answered: probes must work under load, too.
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
        self.in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["path"].startswith(self.exempt):
            await self.app(scope, receive, send)
        elif self.in_flight >= self.max_concurrency:
            busy = Problem(
                503, "Too many requests at once; try again.", headers={"Retry-After": "1"}
            )
            await self._refuse("concurrency", busy, scope, receive, send)
        elif _content_length(scope) > self.max_body_bytes:
            await _discard_body(scope, receive)
            await self._refuse("body", self._too_large(), scope, receive, send)
        else:
            self.in_flight += 1
            try:
                await self._limited(scope, receive, send)
            finally:
                self.in_flight -= 1

    async def _limited(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = _Exchange()

        async def count_received() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                exchange.received += len(message.get("body", b""))
                exchange.complete = not message.get("more_body", False)
                if exchange.received > self.max_body_bytes:
                    self.metrics.rejected.labels("body").inc()
                    if not exchange.complete:
                        await _discard_body(scope, receive)
                    raise self._too_large()
            return message

        async def note_started(message: Message) -> None:
            exchange.started = True
            await send(message)

        deadline = _Deadline(self.seconds)
        try:
            await self.app(scope, count_received, note_started)
        except asyncio.CancelledError as cancelled:
            if not deadline.caused_cancellation():
                raise
            if exchange.started:
                raise TimeoutError from cancelled
            problem = (
                Problem(503, "This took too long; try a smaller batch.", headers=_CLOSE)
                if exchange.complete
                else Problem(408, "The request body did not arrive in time.", headers=_CLOSE)
            )
            await self._refuse("time", problem, scope, receive, send)
        finally:
            deadline.stop()

    async def _refuse(
        self, reason: str, problem: Problem, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self.metrics.rejected.labels(reason).inc()
        await problem.response()(scope, receive, send)

    def _too_large(self) -> Problem:
        # The rest of the body is not worth reading, so the connection is closed.
        return Problem(413, f"The body is larger than {self.max_body_bytes} bytes.", headers=_CLOSE)


async def _discard_body(scope: Scope, receive: Receive) -> None:
    """Read the rest of the body for a while and discard it.

    Most clients read the response only after they have sent the whole body. If the connection
    closed before that, they would see a connection error instead of the response. A client
    that sends `Expect: 100-continue` waits for the response first, so it gets it at once.
    """
    if _EXPECT in scope["headers"]:
        return
    discarded = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(_DISCARD_SECONDS):
            while discarded < _DISCARD_BYTES:
                message = await receive()
                discarded += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return


def _content_length(scope: Scope) -> int:
    """Return the Content-Length, or 0; the server has already rejected invalid ones."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value)
    return 0
