"""Builds the app from its parts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import FastAPI

from ..settings import Settings
from ..web.auth import ApiKeys
from ..web.health import Lifecycle
from ..web.metrics import HttpMetrics
from ..web.service import bare_app, configure_app
from .metrics import ModelMetrics
from .openapi import document
from .page import add_page
from .routes import api_routes, prediction
from .store import ModelStore

DESCRIPTION = "Predictions of a trained classifier. `/v1/model` tells about the model."


def create_app(settings: Settings, lifecycle: Lifecycle | None = None) -> FastAPI:
    """Make the service.

    Args:
        settings: All of them.
        lifecycle: Shared with the server that runs the app, if one does.

    Raises:
        SettingsError: Callers need a key, but there is none.
        ArtifactError: There is no usable model in `settings.models_dir`.
    """
    metrics = HttpMetrics()
    store = ModelStore(settings.models_dir, ModelMetrics(metrics.registry), settings.max_rows)
    keys = ApiKeys(settings.accepted_keys())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        watch = asyncio.create_task(store.watch(settings.reload_seconds))
        yield
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch

    app = bare_app("Model service", DESCRIPTION, lifespan)
    busiest = prediction(store, settings.inline_rows)
    app.include_router(api_routes(store, busiest))
    add_page(app, store, keys, settings.inline_rows)

    def openapi() -> dict[str, Any]:
        return document(app, store.model, with_key=settings.auth == "api-key")

    configure_app(
        app,
        settings,
        keys=keys,
        metrics=metrics,
        lifecycle=lifecycle or Lifecycle(),
        openapi=openapi,
        unready_reason=lambda: None,  # there is always a model: without one the app is not made
        fast_path=[busiest],
    )
    return app
