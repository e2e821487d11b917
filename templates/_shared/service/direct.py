"""A short way to the busiest endpoints, past the framework."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from .problems import Problem


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Takes the body of a POST and gives that of the answer, both JSON.

    Attributes:
        path: Where it is found; without parameters in it.
        answer: May raise `Problem`.
    """

    path: str
    answer: Callable[[bytes], Awaitable[bytes]]


class Direct:
    """ASGI middleware, the innermost: calls some endpoints without asking the app.

    To find a route and to wrap a request and a response takes the framework longer than it
    takes a small model to predict. The endpoints belong to the app, too, which documents
    them and answers methods other than POST.

    Args:
        app: What answers all other requests.
        endpoints: They are looked up by their path.
    """

    def __init__(self, app: ASGIApp, endpoints: Sequence[Endpoint]) -> None:
        self.app = app
        self.endpoints = {endpoint.path: endpoint for endpoint in endpoints}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        endpoint = self.endpoints.get(scope["path"]) if scope["type"] == "http" else None
        if endpoint is None or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        scope["route"] = endpoint  # as a router does; metrics are labelled by its path
        try:
            content = await endpoint.answer(await _body(receive))
        except Problem as problem:
            await problem.response()(scope, receive, send)
            return
        headers = [
            (b"content-length", str(len(content)).encode()),
            (b"content-type", b"application/json"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})


async def _body(receive: Receive) -> bytes:
    """The whole body; most come in one piece."""
    pieces: list[bytes] = []
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        pieces.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(pieces)
