"""The web page to ask questions and look at the sources."""

from pathlib import Path

from fastapi import FastAPI
from jinja2 import Environment, FileSystemLoader
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

from ..web.auth import ApiKeys
from ..web.pages import HEADERS

_HERE = Path(__file__).parent
_CSP = "Content-Security-Policy"
_PAGE_HEADERS = {**HEADERS, _CSP: f"{HEADERS[_CSP]}; connect-src 'self'"}
"""The script may send requests to this service only."""


def add_page(app: FastAPI, keys: ApiKeys) -> None:
    """Add the page at `/`, and its style sheet and script under `/static`.

    Args:
        app: The app.
        keys: The accepted keys; the page asks for one unless none is needed.
    """
    environment = Environment(loader=FileSystemLoader(_HERE / "templates"), autoescape=True)
    template = environment.get_template("index.html")
    app.mount("/static", StaticFiles(directory=_HERE / "static"), name="static")

    @app.get("/", include_in_schema=False)
    async def show() -> Response:
        """Show the page."""
        return HTMLResponse(template.render(with_key=not keys.accept(b"")), headers=_PAGE_HEADERS)
