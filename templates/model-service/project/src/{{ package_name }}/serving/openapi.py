"""The OpenAPI document; its request schema is that of the model being served."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from ..web.auth import HEADER
from ..web.problems import problem_schema
from .predictor import Model
from .routes import REQUEST_SCHEMA


def document(app: FastAPI, model: Model, *, with_key: bool) -> dict[str, Any]:
    """Describe the API for one model.

    Args:
        app: The app with all its routes.
        model: Whose features a request holds.
        with_key: Whether callers need an API key.
    """
    api = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    components = api.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    request = model.parser.json_schema()
    schemas.update(request.pop("$defs", {}))
    schemas[REQUEST_SCHEMA] = request
    schemas["Problem"] = problem_schema()
    if with_key:
        components["securitySchemes"] = {
            "api-key": {"type": "apiKey", "in": "header", "name": HEADER}
        }
        for path, operations in api["paths"].items():
            if path.startswith("/v1/"):
                for operation in operations.values():
                    operation["security"] = [{"api-key": []}]
    return api
