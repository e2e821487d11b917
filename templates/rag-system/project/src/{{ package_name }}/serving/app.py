"""Assembles the web application."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI

from ..feedback import FeedbackStore
from ..settings import Settings
from ..tracing import export_spans
from ..web.auth import ApiKeys
from ..web.health import Lifecycle
from ..web.metrics import HttpMetrics
from ..web.service import bare_app, configure_app
from .access import Access
from .engine import Engine
from .metrics import RagMetrics
from .page import add_page
from .routes import api_routes

NAME = "rag"
DESCRIPTION = "Answers questions from the documents that the caller may see, with sources."


def create_app(settings: Settings, lifecycle: Lifecycle | None = None) -> FastAPI:
    """Create the service.

    Args:
        settings: All settings.
        lifecycle: Shared with the server that runs the app, if there is one.

    Raises:
        SettingsError: Callers need a key, but none is set.
        UserError: A component can't be used.
    """
    keys = ApiKeys(settings.accepted_keys())
    http = HttpMetrics()
    metrics = RagMetrics(http.registry)
    engine = Engine(settings, metrics)
    access = Access(
        settings.public_labels,
        {key.get_secret_value(): labels for key, labels in settings.key_labels.items()},
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        flush: Callable[[], None] = (
            export_spans(settings.otlp_url, NAME) if settings.otlp_url else _do_nothing
        )
        engine.start()
        yield
        flush()
        engine.close()

    app = bare_app("Answers from documents", DESCRIPTION, lifespan)
    feedback = FeedbackStore(settings.state_dir / "feedback.db")
    app.include_router(api_routes(settings, engine, access, metrics, feedback))
    add_page(app, keys)
    configure_app(
        app,
        settings,
        keys=keys,
        metrics=http,
        lifecycle=lifecycle or Lifecycle(),
        unready_reason=lambda: engine.unready_reason,
    )
    return app


def _do_nothing() -> None:
    pass
