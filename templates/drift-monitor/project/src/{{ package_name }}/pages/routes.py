"""The pages for people. They are read without a key; whoever changes something needs one."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from ..alerts.message import describe
from ..serving.state import State
from ..store import incidents, outbox, windows
from ..web.auth import ApiKeys
from ..web.pages import HEADERS, read_form
from ..web.problems import Problem
from . import charts, views

_HERE = Path(__file__).parent
_SHOWN = 60
"""Windows on a timeline."""
_INCIDENTS = 20
_SOON = {"Refresh": "2"}

_PAGE_HEADERS = {
    **HEADERS,
    # The overview's script asks for it again.
    "Content-Security-Policy": f"{HEADERS['Content-Security-Policy']}; connect-src 'self'",
}

_REPORT_HEADERS = {
    **HEADERS,
    # Evidently's page is one file with its script in it. It may run that, in a world of its own:
    # no cookies, no storage, no requests, and none of this site's pages.
    "Content-Security-Policy": (
        "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' blob:;"
        " style-src 'unsafe-inline'; img-src data: blob:; font-src data:; worker-src blob:;"
        " frame-ancestors 'none'"
    ),
}


class Pages:
    """Renders the pages.

    Args:
        state: What they show.
        keys: Forms ask for one, unless nobody needs any.
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
            "amount": views.amount,
            "checks": views.CHECKS,
            "describe": describe,
            "exceeded": views.exceeded,
            "shown": views.shown,
            "statistics": views.STATISTICS,
            "with_key": not keys.accept(b""),
        }

    def render(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """A page."""
        content = self._environment.get_template(template).render(**values)
        return HTMLResponse(content, status, _PAGE_HEADERS)

    def problem(self, problem: Problem) -> HTMLResponse:
        """The page that says what went wrong."""
        return self.render("problem.html", problem.status, problem=problem)

    def overview(self) -> HTMLResponse:
        """The first page: how things are, and how they came to be so."""
        checked = self._checked()
        with self.state.database.transaction() as tx:
            listed = incidents.latest(tx, _INCIDENTS)
            dead = outbox.latest(tx, _INCIDENTS, "dead")
        return self.render(
            "index.html",
            open_incidents=[each for each in listed if each.resolved_at is None],
            incidents=listed,
            dead=dead,
            progress=windows.progress(self.state.database),
            routes=self.state.settings.active_routes,
            trouble=self.state.checks.trouble,
            drift=views.drift_chart(checked),
            performance=views.performance_chart(checked),
            measured=views.latest_performance(checked),
            warnings=views.warnings(checked),
            columns=views.column_rows(checked),
        )

    def window(self, number: int) -> HTMLResponse:
        """All that was found in one window."""
        found = views.by_window(self.state.both_stages(number), 1)
        if not found:
            raise Problem(404, f"Window {number} has not been checked.")
        return self.render("window.html", checked=found[0])

    def column(self, name: str, wish: str) -> HTMLResponse:
        """One column, then and now; in the window wished for, or else the last."""
        checked = self._checked()
        having = [c for c in checked if c.inputs and views.column_check(c.inputs, name)]
        if not having:
            raise Problem(404, f"No window has a column {name[:100]}.")
        wished = [each for each in having if str(each.window.number) == wish]
        chosen = (wished or having)[-1]
        assert chosen.inputs is not None  # noqa: S101 - `having` has them
        check = views.column_check(chosen.inputs, name)
        assert check is not None  # noqa: S101
        return self.render(
            "column.html",
            check=check,
            window=chosen.window,
            causes=[cause for cause in chosen.inputs.causes if cause.column == name],
            quality=[finding for finding in chosen.inputs.quality if finding.column == name],
            chart=views.column_chart(having, name),
            histogram=charts.then_and_now(check.histogram),
        )

    def incident(self, identity: str, problem: Problem | None = None) -> HTMLResponse:
        """One incident, and what can be done about it."""
        with self.state.database.transaction() as tx:
            incident = incidents.find(tx, identity)
            letters = outbox.of_incident(tx, identity)
        if incident is None:
            raise Problem(404, f"There is no incident {identity[:100]}.")
        status = problem.status if problem else 200
        return self.render(
            "incident.html", status, incident=incident, letters=letters, problem=problem
        )

    def _checked(self) -> list[views.Checked]:
        # Each window has two results, in general.
        results = windows.results(self.state.database, 2 * _SHOWN)
        return views.by_window(results, _SHOWN)


def add_pages(app: FastAPI, state: State, keys: ApiKeys) -> None:
    """Add the pages, and their style and script under `/static`."""
    pages = Pages(state, keys)
    app.mount("/static", StaticFiles(directory=_HERE / "static"), name="static")
    _add_views(app, pages)
    _add_actions(app, pages)


async def _answer(pages: Pages, work: Callable[[], Response]) -> Response:
    """The page, or the one that says why not."""
    try:
        return await pages.state.in_thread(work)
    except Problem as problem:
        return pages.problem(problem)


def _add_views(app: FastAPI, pages: Pages) -> None:
    def page(path: str) -> Callable[[Callable[..., Awaitable[Response]]], Any]:
        return app.get(path, include_in_schema=False)

    @page("/")
    async def overview() -> Response:
        return await _answer(pages, pages.overview)

    @page("/windows/{number}")
    async def window(number: int) -> Response:
        return await _answer(pages, lambda: pages.window(number))

    @page("/columns/{name:path}")
    async def column(name: str, window: str = "") -> Response:
        return await _answer(pages, lambda: pages.column(name, window))

    @page("/incidents/{identity}")
    async def incident(identity: str) -> Response:
        return await _answer(pages, lambda: pages.incident(identity))

    @page("/windows/{number}/report")
    async def report(number: int) -> Response:
        return await _answer(pages, lambda: _report(pages, number))


def _report(pages: Pages, number: int) -> Response:
    """Evidently's report, once it is made; until then a page that asks again."""
    file = pages.state.reports.get(number)
    if file is None:
        waiting = pages.render("waiting.html", 202, number=number)
        waiting.headers.update(_SOON)
        return waiting
    return FileResponse(file, media_type="text/html", headers=_REPORT_HEADERS)


def _add_actions(app: FastAPI, pages: Pages) -> None:
    @app.post("/incidents/{identity}", include_in_schema=False)
    async def change(identity: str, request: Request) -> Response:
        """Acknowledge or silence an incident."""
        body = await request.body()

        def work() -> Response:
            try:
                form = _allowed(request, body, pages.keys)
                _change(pages.state, identity, form)
            except Problem as problem:
                return pages.incident(identity, problem)
            return RedirectResponse(f"/incidents/{identity}", 303)

        return await _answer(pages, work)

    @app.post("/alerts", include_in_schema=False)
    async def again(request: Request) -> Response:
        """Send an alert again that was given up."""
        body = await request.body()

        def work() -> Response:
            form = _allowed(request, body, pages.keys)
            pages.state.revive(form.get("alert", ""))
            return RedirectResponse("/", 303)

        return await _answer(pages, work)


def _allowed(request: Request, body: bytes, keys: ApiKeys) -> dict[str, str]:
    """The form, if it comes from one of our pages and from somebody with a key.

    Raises:
        Problem: 401 or 403.
    """
    # Without keys, a page from elsewhere could make its visitors' browsers send this form.
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Problem(403, "This form was sent by a page of another site.")
    form = read_form(body)
    keys.check(form.get("api_key", "").encode())
    return form


def _change(state: State, identity: str, form: dict[str, str]) -> None:
    """Do what the form says.

    Raises:
        Problem: 404 if there is no such incident, 422 if the form says nothing that can be done.
    """
    if form.get("action") == "acknowledge":
        who = form.get("by", "").strip()
        if not 1 <= len(who) <= 100:  # noqa: PLR2004 - a name
            raise Problem(422, "Say who takes care of it, in up to 100 letters.")
        state.acknowledge(identity, who)
    elif form.get("action") == "silence" and form.get("hours", "") in ("0", "1", "8", "24", "168"):
        state.silence(identity, float(form["hours"]))
    else:
        raise Problem(422, "This form asks for nothing that can be done.")
