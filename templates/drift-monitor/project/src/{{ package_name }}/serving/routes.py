"""Version 1 of the API."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field

from ..records import Incident, Window, WindowResult
from ..store import events, incidents, outbox, windows
from ..web.problems import Problem, problem_responses
from . import ingest
from .state import State

_MAX_REFUSALS = 100
"""Maximum number of refused rows listed in a response."""

_COMMON_PROBLEMS = (400, 401, 408, 413, 422, 429, 500, 503)


def _body(name: str, row: type[BaseModel]) -> dict[str, Any]:
    """OpenAPI for the request body: rows are validated one by one, not by FastAPI."""
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
    """Windows with the results of their checks, newest last."""

    windows: list[WindowResult]


class IncidentPage(BaseModel):
    """Incidents, newest first."""

    incidents: list[Incident]


class ColumnState(BaseModel):
    """The state of a column in the last checked window."""

    column: str
    kind: str
    role: str
    window: int
    flagged: bool
    effect: float
    adjusted_p: float


class ColumnPage(BaseModel):
    """The columns, largest change first."""

    columns: list[ColumnState]


class AlertState(BaseModel):
    """An alert and the state of its delivery."""

    key: str
    route: str
    status: str
    attempts: int
    error: str
    window: Window


class AlertPage(BaseModel):
    """Alerts, newest first."""

    alerts: list[AlertState]


class Acknowledgement(BaseModel):
    """Who is working on an incident."""

    by: Annotated[ingest.Text, Field(min_length=1, max_length=100)]


class Silence(BaseModel):
    """How long to send no alerts."""

    hours: Annotated[float, Field(ge=0, le=24 * 365)]


Limit = Annotated[int, Query(ge=1, le=1000)]


def api_routes(state: State) -> APIRouter:
    """The routes under `/v1`."""
    router = APIRouter(tags=["monitor"])
    _add_ingest(router, state)
    _add_windows(router, state)
    _add_incidents(router, state)
    return router


def _add_ingest(router: APIRouter, state: State) -> None:
    max_rows = state.settings.max_rows

    @router.post(
        "/v1/predictions",
        openapi_extra=_body("predictions", ingest.PredictionRow),
        responses=problem_responses(*_COMMON_PROBLEMS),
    )
    async def predictions(request: Request) -> ingest.Receipt:
        """Receive predictions. Malformed rows go to quarantine; the response gives the reasons."""
        body, now = await request.body(), datetime.now(UTC)

        def work() -> ingest.Receipt:
            batch = ingest.parse_predictions(body, max_rows, now)
            return _receipt(events.add_predictions(state.database, batch.rows, now), batch.refused)

        receipt = await state.in_thread(work)
        state.checks.wake()
        return receipt

    @router.post(
        "/v1/labels",
        openapi_extra=_body("labels", ingest.LabelRow),
        responses=problem_responses(*_COMMON_PROBLEMS),
    )
    async def labels(request: Request) -> ingest.Receipt:
        """Receive labels, whenever they are known."""
        body, now = await request.body(), datetime.now(UTC)

        def work() -> ingest.Receipt:
            batch = ingest.parse_labels(body, max_rows, now)
            return _receipt(events.add_labels(state.database, batch.rows, now), batch.refused)

        receipt = await state.in_thread(work)
        state.checks.wake()
        return receipt


def _receipt(added: Any, refused: list[ingest.Refusal]) -> ingest.Receipt:
    return ingest.Receipt(
        added=added.added,
        known=added.known,
        quarantined=added.quarantined,
        refused=refused[:_MAX_REFUSALS],
    )


def _add_windows(router: APIRouter, state: State) -> None:
    database = state.database

    @router.get("/v1/windows", responses=problem_responses(*_COMMON_PROBLEMS))
    async def list_windows(limit: Limit = 50) -> WindowPage:
        """List recent results: each window is checked once for its inputs, once for its labels."""
        return WindowPage(windows=await state.in_thread(lambda: windows.results(database, limit)))

    @router.get("/v1/windows/{number}", responses=problem_responses(404, *_COMMON_PROBLEMS))
    async def get_window(number: Annotated[int, Path(ge=0, lt=2**62)]) -> WindowPage:
        """Get all results for one window."""
        found = await state.in_thread(lambda: state.both_stages(number))
        if not found:
            raise Problem(404, f"Window {number} has not been checked.")
        return WindowPage(windows=found)

    @router.get("/v1/columns", responses=problem_responses(*_COMMON_PROBLEMS))
    async def columns() -> ColumnPage:
        """List the columns and how much they differ from the reference."""
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
    @router.get("/v1/incidents", responses=problem_responses(*_COMMON_PROBLEMS))
    async def list_incidents(limit: Limit = 50) -> IncidentPage:
        """List the newest incidents, open or resolved."""

        def work() -> list[Incident]:
            with state.database.transaction() as tx:
                return incidents.latest(tx, limit)

        return IncidentPage(incidents=await state.in_thread(work))

    @router.post(
        "/v1/incidents/{incident_id}/acknowledge",
        responses=problem_responses(404, *_COMMON_PROBLEMS),
    )
    async def acknowledge(incident_id: str, request: Acknowledgement) -> Incident:
        """Record who is working on an incident."""
        return await state.in_thread(lambda: state.acknowledge(incident_id, request.by))

    @router.post(
        "/v1/incidents/{incident_id}/silence", responses=problem_responses(404, *_COMMON_PROBLEMS)
    )
    async def silence(incident_id: str, request: Silence) -> Incident:
        """Send no alerts about an incident for some hours; 0 ends the silence."""
        return await state.in_thread(lambda: state.silence(incident_id, request.hours))

    @router.get("/v1/alerts", responses=problem_responses(*_COMMON_PROBLEMS))
    async def alerts(limit: Limit = 50) -> AlertPage:
        """List the newest alerts and the state of their delivery."""

        def work() -> list[outbox.Message]:
            with state.database.transaction() as tx:
                return outbox.latest(tx, limit)

        return AlertPage(
            alerts=[
                AlertState(
                    key=message.alert.key,
                    route=message.alert.route,
                    status=message.status,
                    attempts=message.attempts,
                    error=message.error,
                    window=message.alert.window,
                )
                for message in await state.in_thread(work)
            ]
        )
