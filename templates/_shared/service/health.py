"""What an orchestrator asks: are you alive, do you want traffic, how are you doing?"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from pydantic import BaseModel
from starlette.responses import Response

from .problems import Problem, documented

OPEN_PATHS = ("/health/", "/metrics")
"""Answered without a key, a rate limit or a queue."""


@dataclass(slots=True)
class Lifecycle:
    """Where the process is between start and stop."""

    draining: bool = False


class Health(BaseModel):
    """All is well; anything else is a problem with status 503."""

    status: Literal["ok"] = "ok"


def health_routes(
    lifecycle: Lifecycle, registry: CollectorRegistry, obstacle: Callable[[], str | None]
) -> APIRouter:
    """The routes for probes and for Prometheus.

    Args:
        lifecycle: Of this process.
        registry: The metrics to show.
        obstacle: Says what stands in the way of answering requests, or `None`.
    """
    router = APIRouter(tags=["operations"])

    @router.get("/health/live")
    async def live() -> Health:
        """The process runs. If this fails, restart it."""
        return Health()

    @router.get("/health/ready", responses=documented(503))
    async def ready() -> Health:
        """Requests are welcome. If this fails, send them elsewhere."""
        reason = "Shutting down." if lifecycle.draining else obstacle()
        if reason:
            raise Problem(503, reason)
        return Health()

    @router.get(
        "/metrics",
        response_class=Response,
        responses={200: {"description": "Prometheus text", "content": {"text/plain": {}}}},
    )
    async def metrics() -> Response:
        """Metrics for Prometheus."""
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router
