"""A page for trying the model by hand: plain HTML that also works without JavaScript."""

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
from .manager import ModelManager
from .routes import predict_body
from .schemas import Prediction, request_row

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class _Field:
    """One field of the form and its value."""

    name: str
    feature: Feature
    value: str


@dataclass(frozen=True, slots=True)
class _Result:
    """The result of submitting the form: a prediction or a problem."""

    prediction: Prediction | None = None
    problem: Problem | None = None

    @property
    def status(self) -> int:
        return self.problem.status if self.problem else 200


def add_page(app: FastAPI, manager: ModelManager, keys: ApiKeys, inline_rows: int) -> None:
    """Add the page at `/` and its style and script under `/static`.

    Args:
        app: The app.
        manager: Holds the model that the form is built for.
        keys: The form asks for one of these, unless no key is needed.
        inline_rows: The same as for the API.
    """
    environment = Environment(loader=FileSystemLoader(_HERE / "templates"), autoescape=True)
    template = environment.get_template("index.html")
    app.mount("/static", StaticFiles(directory=_HERE / "static"), name="static")

    def render(values: list[str], result: _Result) -> Response:
        manifest = manager.model.manifest
        page = template.render(
            manifest=manifest,
            fields=_fields(manifest, values),
            pixels=values[0] if manifest.image else "",
            ink=max(feature.maximum or 0 for feature in manifest.features),
            requires_key=not keys.accept(b""),
            result=result,
        )
        return HTMLResponse(page, result.status, HEADERS)

    @app.get("/", include_in_schema=False)
    async def show(request: Request) -> Response:
        """Show the form, filled in with one of the held-out examples."""
        manifest = manager.model.manifest
        asked = request.query_params.get("example", "")
        number = int(asked) if asked.isdecimal() and len(asked) < len("1000") else 0
        row = manifest.examples[number % len(manifest.examples)].row
        return render(_form_values(manifest, row), _Result())

    @app.post("/", include_in_schema=False)
    async def submit(request: Request) -> Response:
        """Show the form as it was submitted, and the result."""
        manifest = manager.model.manifest
        values = [""] * (1 if manifest.image else len(manifest.features))
        try:
            form = read_form(await request.body())
            values = [form.get(f"f{index}", "") for index in range(len(values))]
            keys.check(form.get("api_key", "").encode())
            body = orjson.dumps({"rows": [_row(manifest, values)]})
            response = await predict_body(manager, body, inline_rows)
            result = _Result(prediction=response.predictions[0])
        except Problem as problem:
            result = _Result(problem=problem)
        return render(values, result)


def _fields(manifest: Manifest, values: list[str]) -> list[_Field]:
    if manifest.image:
        return []
    return [
        _Field(f"f{index}", feature, value)
        for index, (feature, value) in enumerate(zip(manifest.features, values, strict=True))
    ]


def _form_values(manifest: Manifest, row: tuple[Value, ...]) -> list[str]:
    """Convert a row to the values of the form's fields; an image is one field."""
    if manifest.image:
        return [" ".join(_text(value) for value in row)]
    return [_text(value) for value in row]


def _text(value: Value) -> str:
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _row(manifest: Manifest, values: list[str]) -> object:
    """Convert the form's values to a row of a request, which the API then validates."""
    if manifest.image:
        return [_number(pixel) for pixel in values[0].split()]
    typed = tuple(
        None if value == "" else value if feature.kind == "categorical" else _number(value)
        for feature, value in zip(manifest.features, values, strict=True)
    )
    return request_row(manifest, typed)


def _number(text: str) -> float | str:
    """Return the number, or the text unchanged so that validation can report it."""
    try:
        return float(text)
    except ValueError:
        return text
