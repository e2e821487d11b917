"""The OpenAPI document: what FastAPI derives, with problems and keys added."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from .auth import HEADER
from .problems import problem_schema


def describe(app: FastAPI, *, with_key: bool) -> dict[str, Any]:
    """Describe the API of an app.

    Args:
        app: The app with all its routes.
        with_key: Whether callers need an API key for what is under `/v1/`.
    """
    api = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    components = api.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = problem_schema()
    if with_key:
        components["securitySchemes"] = {
            "api-key": {"type": "apiKey", "in": "header", "name": HEADER}
        }
        for path, operations in api["paths"].items():
            if path.startswith("/v1/"):
                for operation in operations.values():
                    operation["security"] = [{"api-key": []}]
    return api
