"""The OpenAPI document; its request schema is that of the model being served."""

from typing import Any

from fastapi import FastAPI

from ..web.openapi import openapi_schema
from .predictor import Model
from .routes import REQUEST_SCHEMA


def document(app: FastAPI, model: Model, *, with_key: bool) -> dict[str, Any]:
    """Describe the API for one model.

    Args:
        app: The app with all its routes.
        model: Whose features a request holds.
        with_key: Whether callers need an API key.
    """
    api = openapi_schema(app, requires_key=with_key)
    schemas = api["components"]["schemas"]
    request = model.parser.json_schema()
    schemas.update(request.pop("$defs", {}))
    schemas[REQUEST_SCHEMA] = request
    return api
