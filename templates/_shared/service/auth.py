"""API keys: who may call the service."""

from collections.abc import Iterable
from hashlib import sha256
from hmac import compare_digest

from starlette.types import ASGIApp, Receive, Scope, Send

from .metrics import HttpMetrics
from .problems import Problem

HEADER = "X-API-Key"
_HEADER = HEADER.lower().encode()


class ApiKeys:
    """The accepted keys. Without any, every caller is let in.

    Only digests are kept. They are compared in constant time and always against all of them,
    so the time that a refusal takes reveals neither the length nor the beginning of a key.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        self._digests = [sha256(key.encode()).digest() for key in keys]

    def accept(self, key: bytes) -> bool:
        """Return whether this key is accepted."""
        digest = sha256(key).digest()
        matches = [compare_digest(digest, known) for known in self._digests]
        return any(matches) or not self._digests

    def check(self, key: bytes) -> None:
        """Stop the request unless this key is accepted.

        Raises:
            Problem: 401.
        """
        if not self.accept(key):
            raise Problem(
                401,
                f"This needs a valid API key, in the header {HEADER}.",
                headers={"WWW-Authenticate": "ApiKey"},
            )


class RequireApiKey:
    """ASGI middleware that requires a key for all paths with one prefix."""

    def __init__(self, app: ASGIApp, metrics: HttpMetrics, keys: ApiKeys, prefix: str) -> None:
        self.app = app
        self.metrics = metrics
        self.keys = keys
        self.prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and scope["path"].startswith(self.prefix):
            key = next((value for name, value in scope["headers"] if name == _HEADER), b"")
            try:
                self.keys.check(key)
            except Problem as problem:
                self.metrics.rejected.labels("key").inc()
                await problem.response()(scope, receive, send)
                return
        await self.app(scope, receive, send)
