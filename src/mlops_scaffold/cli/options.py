"""Options that several verbs have, each declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mlops_scaffold.cli import complete

Catalog = Annotated[
    str | None,
    typer.Option(
        "--catalog",
        metavar="C",
        help="An external catalog: a saved name, folder, git URL or gh:OWNER/REPOSITORY.",
        autocompletion=complete.catalogs,
    ),
]
DataFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Answer questions from a YAML file (-: standard input)."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
