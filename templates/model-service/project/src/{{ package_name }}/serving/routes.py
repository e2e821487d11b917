"""Version 1 of the API."""

import asyncio

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from ..web.fast_path import Endpoint
from ..web.problems import problem_responses
from .manager import ModelManager
from .schemas import ModelDescription, Predictions

REQUEST_SCHEMA = "PredictRequest"
"""A component of the OpenAPI document; it depends on the model, so it is filled in later."""

_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"$ref": f"#/components/schemas/{REQUEST_SCHEMA}"}}
        },
    }
}


async def predict_body(manager: ModelManager, body: bytes, inline_rows: int) -> Predictions:
    """Predict the rows in a request body.

    Args:
        manager: Holds the model.
        body: JSON, `{"rows": [...]}`.
        inline_rows: Larger batches run in a thread, so that they do not block the event loop.

    Raises:
        Problem: The body is not valid input for the model.
    """
    model = manager.model
    rows = model.parser.parse(body)
    if len(rows) <= inline_rows:
        predictions = model.predict(rows)
    else:
        predictions = await asyncio.to_thread(model.predict, rows)
    return Predictions(model.version, predictions)


def predict_endpoint(manager: ModelManager, inline_rows: int) -> Endpoint:
    """Create the endpoint for predictions, which is on the fast path.

    A schema built from the model's manifest validates the body straight from bytes, and orjson
    writes the response. That takes a fraction of the time of dependency injection and of
    request and response models.
    """

    async def predict(body: bytes) -> bytes:
        return orjson.dumps(await predict_body(manager, body, inline_rows))

    return Endpoint("/v1/predict", predict)


def api_routes(manager: ModelManager, endpoint: Endpoint) -> APIRouter:
    """Create the routes under `/v1`."""
    router = APIRouter(tags=["model"])

    @router.post(
        endpoint.path,
        response_model=Predictions,
        openapi_extra=_BODY,
        responses=problem_responses(400, 401, 408, 413, 422, 429, 500, 503),
    )
    async def predict(request: Request) -> Response:
        """Predict one or more rows."""
        return Response(await endpoint.handle(await request.body()), media_type="application/json")

    @router.get("/v1/model", responses=problem_responses(401, 429, 503))
    async def model() -> ModelDescription:
        """Describe the model being served: its inputs, its metrics and its origin."""
        return ModelDescription(manifest=manager.model.manifest, refused=manager.refused)

    return router
