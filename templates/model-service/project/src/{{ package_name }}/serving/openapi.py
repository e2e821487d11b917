"""The OpenAPI document, with the request schema of the model being served."""

from typing import Any

from fastapi import FastAPI

from ..web.openapi import openapi_schema
from .predictor import Model
from .routes import REQUEST_SCHEMA


def model_openapi(app: FastAPI, model: Model, *, requires_key: bool) -> dict[str, Any]:
    """Build the OpenAPI document for one model.

    Args:
        app: The app with all its routes.
        model: The model whose features requests must have.
        requires_key: Whether the routes under `/v1/` require an API key.
    """
    api = openapi_schema(app, requires_key=requires_key)
    schemas = api["components"]["schemas"]
    request = model.parser.json_schema()
    schemas.update(request.pop("$defs", {}))
    schemas[REQUEST_SCHEMA] = request
    return api
