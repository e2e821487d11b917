"""A page to ask questions and look at the sources."""

from pathlib import Path

from fastapi import FastAPI
from jinja2 import Environment, FileSystemLoader
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

from ..web.auth import ApiKeys
from ..web.pages import HEADERS

_HERE = Path(__file__).parent
_POLICY = "Content-Security-Policy"
_OWN = {**HEADERS, _POLICY: f"{HEADERS[_POLICY]}; connect-src 'self'"}
"""The page asks this service, and no other."""


def add_page(app: FastAPI, keys: ApiKeys) -> None:
    """Add the page at `/` and its style and script under `/static`.

    Args:
        app: The app.
        keys: The page asks for one of them, unless nobody needs any.
    """
    environment = Environment(loader=FileSystemLoader(_HERE / "templates"), autoescape=True)
    template = environment.get_template("index.html")
    app.mount("/static", StaticFiles(directory=_HERE / "static"), name="static")

    @app.get("/", include_in_schema=False)
    async def show() -> Response:
        """The page."""
        return HTMLResponse(template.render(with_key=not keys.accept(b"")), headers=_OWN)
