"""The API, version 1."""

import asyncio

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from ..web.fast_path import Endpoint
from ..web.problems import problem_responses
from .schemas import ModelDescription, Predictions
from .store import ModelStore

REQUEST_SCHEMA = "PredictRequest"
"""Component of the OpenAPI document; it follows the model, so it is filled in later."""

_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"$ref": f"#/components/schemas/{REQUEST_SCHEMA}"}}
        },
    }
}


async def answer(store: ModelStore, body: bytes, inline_rows: int) -> Predictions:
    """Predict the rows in a request body.

    Args:
        store: Holds the model.
        body: JSON, `{"rows": [...]}`.
        inline_rows: Most rows that the event loop may wait for.

    Raises:
        Problem: The body is not what the model takes.
    """
    model = store.model
    rows = model.parser.parse(body)
    if len(rows) <= inline_rows:
        predictions = model.predict(rows)
    else:
        predictions = await asyncio.to_thread(model.predict, rows)
    return Predictions(model.version, predictions)


def prediction(store: ModelStore, inline_rows: int) -> Endpoint:
    """The busiest endpoint.

    The body is validated straight from bytes, by a schema made from the model's manifest,
    and the answer is written by orjson: a fraction of what dependency injection, request
    and response models would take.
    """

    async def predict(body: bytes) -> bytes:
        return orjson.dumps(await answer(store, body, inline_rows))

    return Endpoint("/v1/predict", predict)


def api_routes(store: ModelStore, busiest: Endpoint) -> APIRouter:
    """The routes under `/v1`."""
    router = APIRouter(tags=["model"])

    @router.post(
        busiest.path,
        response_model=Predictions,
        openapi_extra=_BODY,
        responses=problem_responses(400, 401, 408, 413, 422, 429, 500, 503),
    )
    async def predict(request: Request) -> Response:
        """Predict one row or many."""
        return Response(await busiest.handle(await request.body()), media_type="application/json")

    @router.get("/v1/model", responses=problem_responses(401, 429, 503))
    async def model() -> ModelDescription:
        """Say which model answers, what it takes, how good it is and where it comes from."""
        return ModelDescription(manifest=store.model.manifest, refused=store.refused)

    return router
