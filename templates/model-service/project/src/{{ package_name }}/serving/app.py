"""Creates the app from its parts."""

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
from .manager import ModelManager
from .metrics import ModelMetrics
from .openapi import model_openapi
from .page import add_page
from .routes import api_routes, predict_endpoint

DESCRIPTION = "Predictions of a trained classifier. `/v1/model` describes the model."


def create_app(settings: Settings, lifecycle: Lifecycle | None = None) -> FastAPI:
    """Create the app of the service.

    Args:
        settings: All settings.
        lifecycle: Shared with the server that runs the app, if there is one.

    Raises:
        SettingsError: Callers need a key, but none is set.
        BundleError: There is no usable model in `settings.models_dir`.
    """
    metrics = HttpMetrics()
    manager = ModelManager(settings.models_dir, ModelMetrics(metrics.registry), settings.max_rows)
    keys = ApiKeys(settings.accepted_keys())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        watch = asyncio.create_task(manager.watch(settings.reload_seconds))
        yield
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch

    app = bare_app("Model service", DESCRIPTION, lifespan)
    predict = predict_endpoint(manager, settings.inline_rows)
    app.include_router(api_routes(manager, predict))
    add_page(app, manager, keys, settings.inline_rows)

    def openapi() -> dict[str, Any]:
        return model_openapi(app, manager.model, requires_key=settings.auth == "api-key")

    configure_app(
        app,
        settings,
        keys=keys,
        metrics=metrics,
        lifecycle=lifecycle or Lifecycle(),
        openapi=openapi,
        unready_reason=lambda: None,  # without a model, the app is not created
        fast_path=[predict],
    )
    return app
