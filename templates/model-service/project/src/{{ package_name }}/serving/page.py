"""A page to try the model by hand: plain HTML that works without JavaScript, too."""

from dataclasses import dataclass
from pathlib import Path

import orjson
from fastapi import FastAPI, Request
from jinja2 import Environment, FileSystemLoader
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

from ..manifest import Feature, Manifest, Value
from ..web.auth import ApiKeys
from ..web.pages import HEADERS, read_form
from ..web.problems import Problem
from .routes import answer
from .schemas import Prediction, row_of
from .store import ModelStore

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class _Entry:
    """One field of the form, and what stands in it."""

    name: str
    feature: Feature
    value: str


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What came of the last click: a prediction or a problem."""

    prediction: Prediction | None = None
    problem: Problem | None = None

    @property
    def status(self) -> int:
        return self.problem.status if self.problem else 200


def add_page(app: FastAPI, store: ModelStore, keys: ApiKeys, inline_rows: int) -> None:
    """Add the page at `/` and its style and script under `/static`.

    Args:
        app: The app.
        store: Holds the model that the form is made for.
        keys: The form asks for one of them, unless nobody needs any.
        inline_rows: As for the API.
    """
    environment = Environment(loader=FileSystemLoader(_HERE / "templates"), autoescape=True)
    template = environment.get_template("index.html")
    app.mount("/static", StaticFiles(directory=_HERE / "static"), name="static")

    def render(values: list[str], outcome: _Outcome) -> Response:
        manifest = store.model.manifest
        page = template.render(
            manifest=manifest,
            entries=_entries(manifest, values),
            pixels=values[0] if manifest.image else "",
            ink=max(feature.maximum or 0 for feature in manifest.features),
            with_key=not keys.accept(b""),
            outcome=outcome,
        )
        return HTMLResponse(page, outcome.status, HEADERS)

    @app.get("/", include_in_schema=False)
    async def show(request: Request) -> Response:
        """The form, filled with one of the held-out examples."""
        manifest = store.model.manifest
        wish = request.query_params.get("example", "")
        number = int(wish) if wish.isdecimal() and len(wish) < len("1000") else 0
        row = manifest.examples[number % len(manifest.examples)].row
        return render(_as_text(manifest, row), _Outcome())

    @app.post("/", include_in_schema=False)
    async def submit(request: Request) -> Response:
        """The form as it was sent, and the answer."""
        manifest = store.model.manifest
        values = [""] * (1 if manifest.image else len(manifest.features))
        try:
            form = read_form(await request.body())
            values = [form.get(f"f{index}", "") for index in range(len(values))]
            keys.check(form.get("api_key", "").encode())
            body = orjson.dumps({"rows": [_row(manifest, values)]})
            answered = await answer(store, body, inline_rows)
            outcome = _Outcome(prediction=answered.predictions[0])
        except Problem as problem:
            outcome = _Outcome(problem=problem)
        return render(values, outcome)


def _entries(manifest: Manifest, values: list[str]) -> list[_Entry]:
    if manifest.image:
        return []
    return [
        _Entry(f"f{index}", feature, value)
        for index, (feature, value) in enumerate(zip(manifest.features, values, strict=True))
    ]


def _as_text(manifest: Manifest, row: tuple[Value, ...]) -> list[str]:
    """A row as the form's fields hold it; an image is one field."""
    if manifest.image:
        return [" ".join(_text(value) for value in row)]
    return [_text(value) for value in row]


def _text(value: Value) -> str:
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _row(manifest: Manifest, values: list[str]) -> object:
    """The form's fields as a row of a request; the API's own validation judges it."""
    if manifest.image:
        return [_number(pixel) for pixel in values[0].split()]
    typed = tuple(
        None if value == "" else value if feature.kind == "categorical" else _number(value)
        for feature, value in zip(manifest.features, values, strict=True)
    )
    return row_of(manifest, typed)


def _number(text: str) -> float | str:
    """The number, or the text as it is: validation then says what is wrong with it."""
    try:
        return float(text)
    except ValueError:
        return text
