"""What an orchestrator asks: is it alive, is it ready for traffic, how is it doing?"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from pydantic import BaseModel
from starlette.responses import Response

from .problems import Problem, problem_responses

OPEN_PATHS = ("/health/", "/metrics")
"""Path prefixes exempt from API keys, rate limits and the concurrency limit."""


@dataclass(slots=True)
class Lifecycle:
    """The state of the process between start and stop."""

    draining: bool = False


class Health(BaseModel):
    """All is well. Anything else is reported as a problem with status 503."""

    status: Literal["ok"] = "ok"


def health_routes(
    lifecycle: Lifecycle, registry: CollectorRegistry, unready_reason: Callable[[], str | None]
) -> APIRouter:
    """Create the routes for probes and for Prometheus.

    Args:
        lifecycle: The state of this process.
        registry: The metrics to expose.
        unready_reason: Returns why requests can't be answered now, or `None` if they can.
    """
    router = APIRouter(tags=["operations"])

    @router.get("/health/live")
    async def live() -> Health:
        """Report that the process is running. If this fails, restart it."""
        return Health()

    @router.get("/health/ready", responses=problem_responses(503))
    async def ready() -> Health:
        """Report whether requests can be answered. If this fails, send them elsewhere."""
        reason = "Shutting down." if lifecycle.draining else unready_reason()
        if reason:
            raise Problem(503, reason)
        return Health()

    @router.get(
        "/metrics",
        response_class=Response,
        responses={200: {"description": "Prometheus text", "content": {"text/plain": {}}}},
    )
    async def metrics() -> Response:
        """Expose the metrics to Prometheus."""
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router
