"""A limit on how often one client may call."""

import math
import time

import limits
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from starlette.types import ASGIApp, Receive, Scope, Send

from .metrics import HttpMetrics
from .problems import Problem


class RateLimit:
    """ASGI middleware: a sliding window per client address, kept in this process.

    It comes before the check of API keys, so that guessing keys is limited, too. Each replica
    counts on its own. Behind a proxy, the client's address comes from `X-Forwarded-For`, which
    the server trusts only from the proxies named in the settings.

    Args:
        app: Answers the requests.
        metrics: Counts the rejected requests.
        rate: Like `100/second` or `5000/hour`.
        exempt: Path prefixes that are never limited.
    """

    def __init__(
        self, app: ASGIApp, metrics: HttpMetrics, rate: str, exempt: tuple[str, ...]
    ) -> None:
        self.app = app
        self.metrics = metrics
        self.rate = limits.parse(rate)
        self.exempt = exempt
        self.window = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and not scope["path"].startswith(self.exempt):
            client = (scope.get("client") or ("",))[0]
            if not await self.window.hit(self.rate, client):
                state = await self.window.get_window_stats(self.rate, client)
                wait = max(1, math.ceil(state.reset_time - time.time()))
                self.metrics.rejected.labels("rate").inc()
                problem = Problem(
                    429,
                    f"The limit is {self.rate}; try again in {wait} s.",
                    headers={"Retry-After": str(wait)},
                )
                await problem.response()(scope, receive, send)
                return
        await self.app(scope, receive, send)
