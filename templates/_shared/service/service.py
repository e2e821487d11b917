"""Adds the plumbing to an app, in the one order that works."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from .auth import ApiKeys, RequireApiKey
from .fast_path import Endpoint, FastPath
from .health import OPEN_PATHS, Lifecycle, health_routes
from .limits import Limits
from .metrics import HttpMetrics
from .observe import Observe
from .openapi import openapi_schema
from .problems import add_problem_handlers
from .ratelimit import RateLimit
from .settings import ServiceSettings


def bare_app(
    title: str,
    description: str,
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]],
) -> FastAPI:
    """Create an app without routes, whose `/docs` page needs no CDN.

    Args:
        title: Title of the API in its documentation.
        description: Description of the API in its documentation.
        lifespan: Runs before the first request and after the last.
    """
    return FastAPIOffline(
        title=title,
        description=description,
        version="1.0",
        lifespan=lifespan,
        # `configure_app` adds metrics and logs.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )


def configure_app(  # noqa: PLR0913 - the caller owns each of these
    app: FastAPI,
    settings: ServiceSettings,
    *,
    keys: ApiKeys,
    metrics: HttpMetrics,
    lifecycle: Lifecycle,
    unready_reason: Callable[[], str | None],
    openapi: Callable[[], dict[str, Any]] | None = None,
    fast_path: Sequence[Endpoint] = (),
) -> None:
    """Add health checks, metrics, problem details, authentication and limits to an app.

    A request passes through `Observe`, `Limits`, `RateLimit` and `RequireApiKey`, in this
    order. Only then is its body read, by an endpoint on the fast path or by the app.

    Args:
        app: The app; its own routes under `/v1/` require an API key.
        settings: The limits.
        keys: The accepted API keys.
        metrics: Where traffic is counted.
        lifecycle: The state of this process; the server sets it to draining.
        unready_reason: Returns why requests can't be answered now, or `None` if they can.
        openapi: Builds the OpenAPI document; by default it is derived from the routes.
        fast_path: Endpoints that bypass the framework.
    """
    # FastAPI's documented way to replace the OpenAPI document.
    app.openapi = openapi or partial(  # type: ignore[method-assign]
        openapi_schema, app, requires_key=settings.auth == "api-key"
    )
    app.include_router(health_routes(lifecycle, metrics.registry, unready_reason))
    add_problem_handlers(app)
    # The middleware added last is the outermost.
    app.add_middleware(FastPath, endpoints=fast_path)
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
