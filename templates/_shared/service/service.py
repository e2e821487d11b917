"""Puts the plumbing around an app, in the one order that makes sense."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from .auth import ApiKeys, RequireApiKey
from .direct import Direct, Endpoint
from .health import OPEN_PATHS, Lifecycle, health_routes
from .limits import Limits
from .metrics import HttpMetrics
from .observe import Observe
from .openapi import describe
from .problems import answer_with_problems
from .ratelimit import RateLimit
from .settings import ServiceSettings


def bare_app(
    title: str,
    description: str,
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]],
) -> FastAPI:
    """Make an app without routes, whose `/docs` needs nothing from a CDN.

    Args:
        title: Of the API, for those who read about it.
        description: Of the API.
        lifespan: What is to be done before the first request and after the last.
    """
    return FastAPIOffline(
        title=title,
        description=description,
        version="1.0",
        lifespan=lifespan,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # equip sees to these
    )


def equip(  # noqa: PLR0913 - each is a part that the caller owns
    app: FastAPI,
    settings: ServiceSettings,
    *,
    keys: ApiKeys,
    metrics: HttpMetrics,
    lifecycle: Lifecycle,
    obstacle: Callable[[], str | None],
    openapi: Callable[[], dict[str, Any]] | None = None,
    direct: Sequence[Endpoint] = (),
) -> None:
    """Add health, metrics, problems, authentication and limits to an app.

    A request passes `Observe`, `Limits`, `RateLimit` and `RequireApiKey`, in this order;
    only then is any of its body read, by an endpoint that is called directly or by the app.

    Args:
        app: The app; its own routes under `/v1/` need a key.
        settings: The limits.
        keys: Who may call.
        metrics: Where traffic is counted.
        lifecycle: Of this process; the server sets it to draining.
        obstacle: Says why requests can't be answered now, or `None`.
        openapi: Describes the API; by default its routes say it all.
        direct: The busiest endpoints.
    """
    # FastAPI's documented way to describe an API in words of one's own.
    app.openapi = openapi or partial(  # type: ignore[method-assign]
        describe, app, with_key=settings.auth == "api-key"
    )
    app.include_router(health_routes(lifecycle, metrics.registry, obstacle))
    answer_with_problems(app)
    # The last one added is the outermost.
    app.add_middleware(Direct, endpoints=direct)
    app.add_middleware(RequireApiKey, metrics=metrics, keys=keys, prefix="/v1/")
    if settings.rate_limit != "off":
        app.add_middleware(RateLimit, metrics=metrics, rate=settings.rate_limit, exempt=OPEN_PATHS)
    app.add_middleware(
        Limits,
        metrics=metrics,
        max_body_bytes=settings.max_body_bytes,
        max_concurrency=settings.max_concurrency,
        seconds=settings.request_seconds,
        exempt=OPEN_PATHS,
    )
    app.add_middleware(
        Observe, metrics=metrics, lifecycle=lifecycle, sample=settings.access_log_sample
    )
