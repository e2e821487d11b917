"""The API, version 1."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field

from ..records import Incident, Window, WindowResult
from ..store import events, incidents, outbox, windows
from ..web.problems import Problem, problem_responses
from . import inbox
from .state import State

_REFUSALS = 100
"""Refused rows that an answer lists."""

_USUAL = (400, 401, 408, 413, 422, 429, 500, 503)


def _body(name: str, row: type[BaseModel]) -> dict[str, Any]:
    """The request's part of OpenAPI: rows are validated one by one, past FastAPI."""
    reference = {"$ref": f"#/components/schemas/{row.__name__}"}
    rows = {"type": "array", "minItems": 1, "items": reference}
    schema = {
        "type": "object",
        "required": [name],
        "properties": {name: rows},
        "additionalProperties": False,
    }
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


class WindowPage(BaseModel):
    """Windows and what their checks found, the newest last."""

    windows: list[WindowResult]


class IncidentPage(BaseModel):
    """Incidents, the newest first."""

    incidents: list[Incident]


class ColumnState(BaseModel):
    """How a column was in the last window that was checked."""

    column: str
    kind: str
    role: str
    window: int
    flagged: bool
    effect: float
    adjusted_p: float


class ColumnPage(BaseModel):
    """The columns, the largest change first."""

    columns: list[ColumnState]


class AlertState(BaseModel):
    """An alert on its way."""

    key: str
    route: str
    status: str
    attempts: int
    error: str
    window: Window


class AlertPage(BaseModel):
    """Alerts, the newest first."""

    alerts: list[AlertState]


class Acknowledgement(BaseModel):
    """Who takes care of an incident."""

    by: Annotated[inbox.Text, Field(min_length=1, max_length=100)]


class Silence(BaseModel):
    """For how long nothing is to be said."""

    hours: Annotated[float, Field(ge=0, le=24 * 365)]


Limit = Annotated[int, Query(ge=1, le=1000)]


def api_routes(state: State) -> APIRouter:
    """The routes under `/v1`."""
    router = APIRouter(tags=["monitor"])
    _add_inbox(router, state)
    _add_windows(router, state)
    _add_incidents(router, state)
    return router


def _add_inbox(router: APIRouter, state: State) -> None:
    most = state.settings.max_rows

    @router.post(
        "/v1/predictions",
        openapi_extra=_body("predictions", inbox.PredictionRow),
        responses=problem_responses(*_USUAL),
    )
    async def predictions(request: Request) -> inbox.Receipt:
        """Take predictions. Rows that make no sense are kept apart, and the answer says why."""
        body, now = await request.body(), datetime.now(UTC)

        def work() -> inbox.Receipt:
            batch = inbox.predictions(body, most, now)
            return _receipt(events.add_predictions(state.database, batch.rows, now), batch.refused)

        receipt = await state.in_thread(work)
        state.checks.wake()
        return receipt

    @router.post(
        "/v1/labels",
        openapi_extra=_body("labels", inbox.LabelRow),
        responses=problem_responses(*_USUAL),
    )
    async def labels(request: Request) -> inbox.Receipt:
        """Take what turned out to be true, whenever it is known."""
        body, now = await request.body(), datetime.now(UTC)

        def work() -> inbox.Receipt:
            batch = inbox.labels(body, most, now)
            return _receipt(events.add_labels(state.database, batch.rows, now), batch.refused)

        receipt = await state.in_thread(work)
        state.checks.wake()
        return receipt


def _receipt(added: Any, refused: list[inbox.Refusal]) -> inbox.Receipt:
    return inbox.Receipt(
        added=added.added,
        known=added.known,
        quarantined=added.quarantined,
        refused=refused[:_REFUSALS],
    )


def _add_windows(router: APIRouter, state: State) -> None:
    database = state.database

    @router.get("/v1/windows", responses=problem_responses(*_USUAL))
    async def listed(limit: Limit = 50) -> WindowPage:
        """The windows checked last: each once when its rows are there, once when labels are."""
        return WindowPage(windows=await state.in_thread(lambda: windows.results(database, limit)))

    @router.get("/v1/windows/{number}", responses=problem_responses(404, *_USUAL))
    async def one(number: Annotated[int, Path(ge=0, lt=2**62)]) -> WindowPage:
        """All that is known of one window."""
        found = await state.in_thread(lambda: state.both_stages(number))
        if not found:
            raise Problem(404, f"Window {number} has not been checked.")
        return WindowPage(windows=found)

    @router.get("/v1/columns", responses=problem_responses(*_USUAL))
    async def columns() -> ColumnPage:
        """How each column is now, compared with the reference."""
        results = await state.in_thread(lambda: windows.results(database, 50))
        last = next((result for result in reversed(results) if result.columns), None)
        checks = sorted(last.columns, key=lambda check: -check.effect) if last else []
        return ColumnPage(
            columns=[
                ColumnState(
                    column=check.column,
                    kind=check.kind,
                    role=check.role,
                    window=last.window.number if last else 0,
                    flagged=check.flagged,
                    effect=check.effect,
                    adjusted_p=check.adjusted_p,
                )
                for check in checks
            ]
        )


def _add_incidents(router: APIRouter, state: State) -> None:
    @router.get("/v1/incidents", responses=problem_responses(*_USUAL))
    async def listed(limit: Limit = 50) -> IncidentPage:
        """The newest incidents, open or resolved."""

        def work() -> list[Incident]:
            with state.database.transaction() as tx:
                return incidents.latest(tx, limit)

        return IncidentPage(incidents=await state.in_thread(work))

    @router.post("/v1/incidents/{identity}/acknowledge", responses=problem_responses(404, *_USUAL))
    async def acknowledge(identity: str, request: Acknowledgement) -> Incident:
        """Say who is on it."""
        return await state.in_thread(lambda: state.acknowledge(identity, request.by))

    @router.post("/v1/incidents/{identity}/silence", responses=problem_responses(404, *_USUAL))
    async def silence(identity: str, request: Silence) -> Incident:
        """Say nothing of it for some hours; 0 lifts the silence."""
        return await state.in_thread(lambda: state.silence(identity, request.hours))

    @router.get("/v1/alerts", responses=problem_responses(*_USUAL))
    async def alerts(limit: Limit = 50) -> AlertPage:
        """The newest alerts, and whether they arrived."""

        def work() -> list[outbox.Letter]:
            with state.database.transaction() as tx:
                return outbox.latest(tx, limit)

        return AlertPage(
            alerts=[
                AlertState(
                    key=letter.alert.key,
                    route=letter.alert.route,
                    status=letter.status,
                    attempts=letter.attempts,
                    error=letter.error,
                    window=letter.alert.window,
                )
                for letter in await state.in_thread(work)
            ]
        )
