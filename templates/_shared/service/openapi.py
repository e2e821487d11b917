"""The OpenAPI document: what FastAPI derives, plus problem details and API keys."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from .auth import HEADER
from .problems import problem_schema


def openapi_schema(app: FastAPI, *, requires_key: bool) -> dict[str, Any]:
    """Build the OpenAPI document of an app.

    Args:
        app: The app with all its routes.
        requires_key: Whether the routes under `/v1/` require an API key.
    """
    api = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    components = api.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = problem_schema()
    if requires_key:
        components["securitySchemes"] = {
            "api-key": {"type": "apiKey", "in": "header", "name": HEADER}
        }
        for path, operations in api["paths"].items():
            if path.startswith("/v1/"):
                for operation in operations.values():
                    operation["security"] = [{"api-key": []}]
    return api
