"""Assembles the FastAPI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from ..pages.routes import add_pages
from ..store.db import connect
from ..web.auth import ApiKeys
from ..web.health import Lifecycle
from ..web.metrics import HttpMetrics
from ..web.openapi import openapi_schema
from ..web.service import bare_app, configure_app
from ..web.settings import SettingsError
from .ingest import LabelRow, PredictionRow
from .metrics import DriftCollector
from .routes import api_routes
from .settings import Settings
from .state import State

DESCRIPTION = "Monitors a model: send it predictions and labels, and it reports drift."


def create_app(settings: Settings, lifecycle: Lifecycle | None = None) -> FastAPI:
    """Create the application.

    Args:
        settings: All settings of the service.
        lifecycle: Shared with the server that runs the application, if any.

    Raises:
        SettingsError: Clients need an API key but none is set, or the reference is missing.
        StoreError: The store cannot be opened.
    """
    keys = ApiKeys(settings.accepted_keys())
    if not settings.reference.is_file():
        raise SettingsError(
            f"{settings.reference}: no such file. APP_REFERENCE must name a Parquet or CSV file of "
            "predictions from a period without drift (README, “Your own model”)."
        )
    metrics = HttpMetrics()
    state = State(settings, connect(settings), DriftCollector(metrics.registry))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        state.start()
        yield
        await state.in_thread(state.checks.stop)
        state.stop()

    app = bare_app("Drift monitor", DESCRIPTION, lifespan)
    app.include_router(api_routes(state))
    add_pages(app, state, keys)

    def openapi() -> dict[str, Any]:
        api = openapi_schema(app, requires_key=settings.auth == "api-key")
        for row in (PredictionRow, LabelRow):
            schema = row.model_json_schema(ref_template="#/components/schemas/{model}")
            api["components"]["schemas"][row.__name__] = schema
        return api

    configure_app(
        app,
        settings,
        keys=keys,
        metrics=metrics,
        lifecycle=lifecycle or Lifecycle(),
        openapi=openapi,
        unready_reason=state.unready_reason,
    )
    return app
