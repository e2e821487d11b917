"""The limits on requests, tested on the middleware alone."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from {{ package_name }}.web import limits
from {{ package_name }}.web.limits import Limits
from {{ package_name }}.web.metrics import HttpMetrics

Headers = Sequence[tuple[bytes, bytes]]


def limited(app: Any, **changes: Any) -> Limits:
    values: dict[str, Any] = {
        "max_body_bytes": 100,
        "max_concurrency": 2,
        "seconds": 5,
        "exempt": ("/health/",),
        **changes,
    }
    return Limits(app, HttpMetrics(), **values)


class Call:
    """One ASGI request whose body the test sends or withholds."""

    def __init__(self, path: str = "/", *, body: bytes | None = b"") -> None:
        self.scope: Scope = {"type": "http", "path": path, "headers": [], "method": "POST"}
        self.body = body
        self.sent: list[Message] = []

    async def receive(self) -> Message:
        if self.body is None:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": self.body}

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    async def send_to(self, app: Limits) -> int:
        await app(self.scope, self.receive, self.send)
        status: int = self.sent[0]["status"]
        return status


async def hang(_: Scope, receive: Receive, __: Send) -> None:
    await receive()
    await asyncio.Event().wait()


def test_a_response_that_takes_too_long_is_abandoned() -> None:
    assert asyncio.run(Call().send_to(limited(hang, seconds=0.05))) == 503


def test_a_body_that_does_not_arrive_is_abandoned() -> None:
    assert asyncio.run(Call(body=None).send_to(limited(hang, seconds=0.05))) == 408


def test_a_response_that_has_started_is_not_followed_by_another() -> None:
    async def start(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.Event().wait()

    call = Call()
    with pytest.raises(TimeoutError):
        asyncio.run(call.send_to(limited(start, seconds=0.05)))
    assert len(call.sent) == 1


def test_a_timeout_inside_the_app_is_not_mistaken_for_the_deadline() -> None:
    async def fail(_: Scope, __: Receive, ___: Send) -> None:
        raise TimeoutError("of a database, for example")

    with pytest.raises(TimeoutError, match="database"):
        asyncio.run(Call().send_to(limited(fail)))


class Upload(Call):
    """A request that announces a large body and sends it chunk by chunk."""

    def __init__(self, *, chunk: int, pause: float, headers: Headers = ()) -> None:
        super().__init__()
        self.scope["headers"] = [(b"content-length", b"999999999"), *headers]
        self.chunk = b"x" * chunk
        self.pause = pause
        self.chunks = 0

    async def receive(self) -> Message:
        await asyncio.sleep(self.pause)
        self.chunks += 1
        return {"type": "http.request", "body": self.chunk, "more_body": True}


def test_a_body_that_is_too_large_is_read_for_a_while_so_the_client_sees_the_response() -> None:
    upload = Upload(chunk=1024 * 1024, pause=0)

    assert asyncio.run(upload.send_to(limited(hang))) == 413
    assert 2 <= upload.chunks <= 64


def test_a_slow_body_that_is_too_large_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_DISCARD_SECONDS", 0.05)
    upload = Upload(chunk=1, pause=0.02)

    assert asyncio.run(upload.send_to(limited(hang))) == 413
    assert upload.chunks <= 3


def test_a_client_that_expects_100_continue_is_refused_at_once() -> None:
    upload = Upload(chunk=1, pause=0, headers=[(b"expect", b"100-continue")])

    assert asyncio.run(upload.send_to(limited(hang))) == 413
    assert upload.chunks == 0


def test_a_cancelled_request_is_not_mistaken_for_a_late_one() -> None:
    async def scenario() -> None:
        call = Call()
        task = asyncio.create_task(call.send_to(limited(hang)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert call.sent == []

    asyncio.run(scenario())


def test_requests_beyond_the_limit_are_refused_at_once_but_probes_are_answered() -> None:
    async def scenario() -> None:
        release = asyncio.Event()

        async def wait(_: Scope, __: Receive, send: Send) -> None:
            await release.wait()
            await send({"type": "http.response.start", "status": 200, "headers": []})

        app = limited(wait)
        running = [asyncio.create_task(Call().send_to(app)) for _ in range(2)]
        await asyncio.sleep(0)
        refused = Call()
        assert await refused.send_to(app) == 503
        assert (b"retry-after", b"1") in refused.sent[0]["headers"]
        probe = asyncio.create_task(Call("/health/live").send_to(app))
        release.set()
        assert await asyncio.gather(*running, probe) == [200, 200, 200]
        assert await Call().send_to(app) == 200

    asyncio.run(scenario())
