"""`adopt`: take an existing repository under a template."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlops_scaffold import shell
from mlops_scaffold.cli import asking, complete, options, output

if TYPE_CHECKING:
    from mlops_scaffold.upgrade.adopt import Adoption


def register(app: typer.Typer) -> None:
    """Add the verb to the application."""
    app.command("adopt")(adopt)


def adopt(
    project: Annotated[
        str,
        typer.Argument(
            metavar="PROJECT", help="Its name or number.", autocompletion=complete.projects
        ),
    ],
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="The repository (default: this folder).")
    ] = Path(),
    data: Annotated[
        list[str] | None,
        typer.Option(
            "--data",
            "-d",
            metavar="KEY=VALUE",
            help="Answer a question; the nearest answers are found for the others.",
            autocompletion=complete.answers,
        ),
    ] = None,
    data_file: options.DataFile = None,
    version: Annotated[
        str | None, typer.Option(metavar="V", help="A version (default: the nearest).")
    ] = None,
    catalog: options.Catalog = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be recorded; write nothing.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Take an existing repository under a template, so that `upgrade` works on it.

    Finds the version and the answers that the repository is most like, records them in
    .copier-answers.yml, and shows how it differs. No other file is touched.
    """
    from mlops_scaffold.source.opening import open_source
    from mlops_scaffold.upgrade.adopt import AdoptRequest
    from mlops_scaffold.upgrade.adopt import adopt as take
    from mlops_scaffold.upgrade.renders import Renders

    known = asking.given_answers(data or [], data_file)
    request = AdoptRequest(project, version, known, dry_run)
    with Renders() as renders, output.working(quiet=as_json) as progress:
        found = take(directory, request, open_source(catalog), renders, progress=progress)
    if as_json:
        output.emit(_data(found, dry_run=dry_run))
    else:
        _print(found, dry_run=dry_run)


def _print(found: Adoption, *, dry_run: bool) -> None:
    output.heading(
        f"{found.project.resolve().name}: most like {found.template} {found.version}"
        f" ({found.likeness:.0%} of its lines)"
    )
    rows = [("answer", f"{key} = {value}") for key, value in sorted(found.answers.items())]
    for kind in ("edited", "deleted", "added"):
        count = len(getattr(found.differences, kind))
        if count:
            rows.append((kind, f"{count} file" + ("s" if count > 1 else "")))
    output.table(rows, flexible=1)
    if dry_run:
        output.line("Nothing was written. Without --dry-run, this is recorded.")
        return
    output.line("Recorded in .copier-answers.yml, which is staged.")
    folder = found.project
    message = f"Adopt the template {found.template} {found.version}"
    output.line(f"Keep it: {shell.git(folder, 'commit', '-m', message)}")
    output.line(f"Your changes to the template: {shell.program('diff', folder)}")
    output.line(f"Then: {shell.program('upgrade', folder, '--dry-run')}")


def _data(found: Adoption, *, dry_run: bool) -> dict[str, Any]:
    return {
        "command": "adopt",
        "project": str(found.project),
        "template": found.template,
        "catalog": found.source,
        "version": found.version,
        "answers": dict(found.answers),
        "likeness": round(found.likeness, 4),
        "edited": list(found.differences.edited),
        "deleted": list(found.differences.deleted),
        "added": list(found.differences.added),
        "dry_run": dry_run,
    }
