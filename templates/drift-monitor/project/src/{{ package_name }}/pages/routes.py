"""The pages of the dashboard. Reading them needs no API key; changing something does."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from ..alerts.text import describe_performance
from ..serving.state import State
from ..store import incidents, outbox, windows
from ..web.auth import ApiKeys
from ..web.pages import HEADERS, read_form
from ..web.problems import Problem
from . import charts, views

_HERE = Path(__file__).parent
_MAX_WINDOWS = 60
"""Maximum number of windows on a timeline."""
_MAX_INCIDENTS = 20
_REFRESH = {"Refresh": "2"}

_PAGE_HEADERS = {
    **HEADERS,
    # The script of the overview page reloads it.
    "Content-Security-Policy": f"{HEADERS['Content-Security-Policy']}; connect-src 'self'",
}

_REPORT_HEADERS = {
    **HEADERS,
    # Evidently's page is a single file with inline scripts. They may run, but only in a sandbox:
    # without cookies, storage, requests, or access to the pages of this site.
    "Content-Security-Policy": (
        "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' blob:;"
        " style-src 'unsafe-inline'; img-src data: blob:; font-src data:; worker-src blob:;"
        " frame-ancestors 'none'"
    ),
}


class Pages:
    """Renders the pages.

    Args:
        state: The running monitor.
        keys: The API keys; forms ask for one if keys are required.
    """

    def __init__(self, state: State, keys: ApiKeys) -> None:
        self.state = state
        self.keys = keys
        self._environment = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals |= {
            "format_effect": views.format_effect,
            "checks": views.CHECKS,
            "describe_performance": describe_performance,
            "exceeded": views.exceeded,
            "format_performance": views.format_performance,
            "statistics": views.STATISTICS,
            "with_key": not keys.accept(b""),
        }

    def render(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """Render a page."""
        content = self._environment.get_template(template).render(**values)
        return HTMLResponse(content, status, _PAGE_HEADERS)

    def problem(self, problem: Problem) -> HTMLResponse:
        """Render the error page."""
        return self.render("problem.html", problem.status, problem=problem)

    def overview(self) -> HTMLResponse:
        """The start page: current state and history."""
        checked = self._recent_windows()
        with self.state.database.transaction() as tx:
            listed = incidents.latest(tx, _MAX_INCIDENTS)
            dead = outbox.latest(tx, _MAX_INCIDENTS, "dead")
        return self.render(
            "index.html",
            open_incidents=[each for each in listed if each.resolved_at is None],
            incidents=listed,
            dead=dead,
            progress=windows.progress(self.state.database),
            routes=self.state.settings.active_routes,
            checks_error=self.state.checks.last_error,
            drift=views.drift_chart(checked),
            performance=views.performance_chart(checked),
            measured=views.latest_performance(checked),
            warnings=views.warnings(checked),
            columns=views.column_rows(checked),
        )

    def window(self, number: int) -> HTMLResponse:
        """The results of one window."""
        windows_found = views.by_window(self.state.both_stages(number), 1)
        if not windows_found:
            raise Problem(404, f"Window {number} has not been checked.")
        return self.render("window.html", checked=windows_found[0])

    def column(self, name: str, requested: str) -> HTMLResponse:
        """One column compared with the reference, in the requested window or else the last."""
        checked = self._recent_windows()
        candidates = [c for c in checked if c.inputs and views.column_check(c.inputs, name)]
        if not candidates:
            raise Problem(404, f"No window has a column {name[:100]}.")
        matching = [each for each in candidates if str(each.window.number) == requested]
        chosen = (matching or candidates)[-1]
        assert chosen.inputs is not None  # noqa: S101 - true for all candidates
        check = views.column_check(chosen.inputs, name)
        assert check is not None  # noqa: S101
        return self.render(
            "column.html",
            check=check,
            window=chosen.window,
            causes=[cause for cause in chosen.inputs.causes if cause.column == name],
            quality=[finding for finding in chosen.inputs.quality if finding.column == name],
            chart=views.column_chart(candidates, name),
            histogram=charts.comparison(check.histogram),
        )

    def incident(self, incident_id: str, problem: Problem | None = None) -> HTMLResponse:
        """One incident, with forms to acknowledge and silence it."""
        with self.state.database.transaction() as tx:
            incident = incidents.find(tx, incident_id)
            messages = outbox.for_incident(tx, incident_id)
        if incident is None:
            raise Problem(404, f"There is no incident {incident_id[:100]}.")
        status = problem.status if problem else 200
        return self.render(
            "incident.html", status, incident=incident, messages=messages, problem=problem
        )

    def _recent_windows(self) -> list[views.CheckedWindow]:
        # A window has up to two results.
        results = windows.results(self.state.database, 2 * _MAX_WINDOWS)
        return views.by_window(results, _MAX_WINDOWS)


def add_pages(app: FastAPI, state: State, keys: ApiKeys) -> None:
    """Add the pages, and their style sheet and script under `/static`."""
    pages = Pages(state, keys)
    app.mount("/static", StaticFiles(directory=_HERE / "static"), name="static")
    _add_views(app, pages)
    _add_actions(app, pages)


async def _respond(pages: Pages, work: Callable[[], Response]) -> Response:
    """Render a page, or the error page for a `Problem`."""
    try:
        return await pages.state.in_thread(work)
    except Problem as problem:
        return pages.problem(problem)


def _add_views(app: FastAPI, pages: Pages) -> None:
    def page(path: str) -> Callable[[Callable[..., Awaitable[Response]]], Any]:
        return app.get(path, include_in_schema=False)

    @page("/")
    async def overview() -> Response:
        return await _respond(pages, pages.overview)

    @page("/windows/{number}")
    async def window(number: int) -> Response:
        return await _respond(pages, lambda: pages.window(number))

    @page("/columns/{name:path}")
    async def column(name: str, window: str = "") -> Response:
        return await _respond(pages, lambda: pages.column(name, window))

    @page("/incidents/{incident_id}")
    async def incident(incident_id: str) -> Response:
        return await _respond(pages, lambda: pages.incident(incident_id))

    @page("/windows/{number}/report")
    async def report(number: int) -> Response:
        return await _respond(pages, lambda: _report(pages, number))


def _report(pages: Pages, number: int) -> Response:
    """Evidently's report; until it is ready, a page that refreshes itself."""
    file = pages.state.reports.get(number)
    if file is None:
        waiting = pages.render("waiting.html", 202, number=number)
        waiting.headers.update(_REFRESH)
        return waiting
    return FileResponse(file, media_type="text/html", headers=_REPORT_HEADERS)


def _add_actions(app: FastAPI, pages: Pages) -> None:
    @app.post("/incidents/{incident_id}", include_in_schema=False)
    async def change_incident(incident_id: str, request: Request) -> Response:
        """Acknowledge or silence an incident."""
        body = await request.body()

        def work() -> Response:
            try:
                form = _authorized_form(request, body, pages.keys)
                _change_incident(pages.state, incident_id, form)
            except Problem as problem:
                return pages.incident(incident_id, problem)
            return RedirectResponse(f"/incidents/{incident_id}", 303)

        return await _respond(pages, work)

    @app.post("/alerts", include_in_schema=False)
    async def retry_alert(request: Request) -> Response:
        """Send an alert again that was given up."""
        body = await request.body()

        def work() -> Response:
            form = _authorized_form(request, body, pages.keys)
            pages.state.retry_alert(form.get("alert", ""))
            return RedirectResponse("/", 303)

        return await _respond(pages, work)


def _authorized_form(request: Request, body: bytes, keys: ApiKeys) -> dict[str, str]:
    """Read a form that was sent from one of our pages, with a valid API key.

    Raises:
        Problem: 401 without a valid key, 403 for a form from another site.
    """
    # If no key is required, another site could make its visitors' browsers send this form (CSRF).
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Problem(403, "This form was sent from another site.")
    form = read_form(body)
    keys.check(form.get("api_key", "").encode())
    return form


def _change_incident(state: State, incident_id: str, form: dict[str, str]) -> None:
    """Acknowledge or silence an incident, as the form requests.

    Raises:
        Problem: 404 if the incident does not exist, 422 if the form is invalid.
    """
    if form.get("action") == "acknowledge":
        who = form.get("by", "").strip()
        if not 1 <= len(who) <= 100:  # noqa: PLR2004 - as the form allows
            raise Problem(422, "Enter your name, in up to 100 characters.")
        state.acknowledge(incident_id, who)
    elif form.get("action") == "silence" and form.get("hours", "") in ("0", "1", "8", "24", "168"):
        state.silence(incident_id, float(form["hours"]))
    else:
        raise Problem(422, "This form does not contain a valid action.")
