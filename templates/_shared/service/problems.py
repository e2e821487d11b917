"""Errors as RFC 9457 problem details: one shape for every 4xx and 5xx."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import (
    Any,
    NotRequired,  # pydantic wants these before 3.12
)

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter
from starlette.exceptions import HTTPException
from starlette.responses import Response
from typing_extensions import TypedDict

from ..logs import request_id

MEDIA_TYPE = "application/problem+json"
MAX_ERRORS = 20
"""Most errors listed in one problem: a sender of garbage needs a few hints, not a megabyte."""


class FieldError(TypedDict):
    """What is wrong with one part of the request, named by its JSON pointer."""

    pointer: str
    detail: str


class ProblemBody(TypedDict):
    """The body of an error response (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    errors: NotRequired[list[FieldError]]


class Problem(Exception):  # noqa: N818 - the name that RFC 9457 uses
    """Ends the request with a clear error: `raise Problem(404, "no such model")`.

    Args:
        status: HTTP status, 400 or above.
        detail: What is wrong and what to do about it, for people.
        errors: The invalid parts of the request, if they can be named.
        headers: Extra headers, like `Retry-After`.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = list(errors)
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """Build the HTTP response for this problem."""
        body = ProblemBody(
            type="about:blank",
            title=HTTPStatus(self.status).phrase,
            status=self.status,
            detail=self.detail,
            request_id=request_id.get(),
        )
        if self.errors:
            body["errors"] = self.errors[:MAX_ERRORS]
        return Response(orjson.dumps(body), self.status, self.headers, MEDIA_TYPE)


def field_errors(errors: Sequence[Mapping[str, Any]]) -> list[FieldError]:
    """Convert pydantic's errors."""
    return [
        FieldError(pointer=_pointer(error["loc"]), detail=error["msg"])
        for error in errors[:MAX_ERRORS]
    ]


def _pointer(location: Sequence[str | int]) -> str:
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in location)


def add_problem_handlers(app: FastAPI) -> None:
    """Turn every error that leaves an endpoint into a problem, the framework's included."""

    @app.exception_handler(Problem)
    async def handle_problem(_: Request, problem: Problem) -> Response:
        return problem.response()

    @app.exception_handler(HTTPException)
    async def handle_http_exception(_: Request, error: HTTPException) -> Response:
        return Problem(error.status_code, str(error.detail), headers=error.headers).response()

    @app.exception_handler(RequestValidationError)
    async def handle_validation_error(_: Request, error: RequestValidationError) -> Response:
        return Problem(
            422, "The request is not valid.", errors=field_errors(error.errors())
        ).response()


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Document the problems that an endpoint may return; pass the result as `responses=`."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": content}
        for status in statuses
    }


def problem_schema() -> dict[str, Any]:
    """Return the JSON schema of a problem, for `components/schemas/Problem`."""
    schema = TypeAdapter(ProblemBody).json_schema()
    schema["properties"]["errors"]["items"] = schema.pop("$defs")["FieldError"]
    return schema
