"""`catalog`: save external catalogs under a name, and check one."""

# What these verbs need beyond Typer is imported only when one of them runs.

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlops_scaffold.cli import complete, options, output
from mlops_scaffold.errors import ExitCode, ScaffoldError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_scaffold.catalog.records import Project


def register(app: typer.Typer) -> None:
    """Add `catalog` and its verbs to the application."""
    group = typer.Typer(rich_markup_mode=None)
    group.command("add")(add)
    group.command("list")(list_)
    group.command("remove")(remove)
    group.command("lint")(lint)
    app.add_typer(group, name="catalog", help="Manage external catalogs.")


def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it: --catalog NAME.")],
    spec: Annotated[
        str,
        typer.Argument(
            metavar="PATH|URL",
            help="A folder, git URL or gh:OWNER/REPOSITORY; with #subdir=FOLDER, a folder of it.",
        ),
    ],
    as_json: options.Json = False,
) -> None:
    """Save a catalog under a name, after trying its projects."""
    from mlops_scaffold.catalog.loading import load
    from mlops_scaffold.creation import trial
    from mlops_scaffold.source import saved
    from mlops_scaffold.source.opening import open_source

    source = open_source(spec)
    with source.tree() as tree, output.working(quiet=as_json) as progress:
        catalog = load(tree.root, name=tree.name)
        refused = trial.refused(tree, catalog, progress)
        _refuse_useless(catalog.projects, refused)
        newest, ref, notes = str(tree.version), tree.ref, tree.notes
    saved.add_catalog(name, source.url)
    if as_json:
        output.emit(
            {
                "command": "catalog add",
                "name": name,
                "url": source.url,
                "version": newest,
                "projects": [project.slug for project in catalog.projects],
                "refused": {slug: error.message for slug, error in refused.items()},
                "notes": list(notes),
            }
        )
        return
    count = len(catalog.projects)
    projects = "1 project" if count == 1 else f"{count} projects"
    output.line(f"Saved {source.url} as {name} ({projects}, {ref}).")
    for note in notes:
        output.note(f"note: {note}")
    for slug, error in refused.items():
        output.note(f"note: {slug} can't be made: {error.message}")
    output.line(f"Next: mlops-scaffold list --catalog {name}")


def _refuse_useless(projects: tuple[Project, ...], refused: Mapping[str, ScaffoldError]) -> None:
    """Refuse a catalog of which no project can be made.

    Raises:
        ScaffoldError: Every project that has a template is refused; the first reason is given.
    """
    made = {project.slug for project in projects if project.has_template}
    if made and made == refused.keys():
        slug, error = next(iter(refused.items()))
        raise ScaffoldError(
            f"no project of it can be made; {slug}: {error.message}", hint=error.hint
        )


def list_(as_json: options.Json = False) -> None:
    """List the saved catalogs."""
    from mlops_scaffold.source import saved

    known = saved.catalogs()
    if as_json:
        catalogs = [{"name": name, "url": url} for name, url in known.items()]
        output.emit({"command": "catalog list", "catalogs": catalogs})
    elif known:
        output.table(list(known.items()), flexible=1)
    else:
        output.line("No catalog is saved. Save one with: mlops-scaffold catalog add NAME PATH|URL")


def remove(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="The name it is saved under.", autocompletion=complete.catalogs
        ),
    ],
    as_json: options.Json = False,
) -> None:
    """Forget a saved catalog. The catalog itself stays as it is."""
    from mlops_scaffold.source import saved

    url = saved.remove_catalog(name)
    if as_json:
        output.emit({"command": "catalog remove", "name": name, "url": url})
    else:
        output.line(f"Forgot {name} ({url}).")


def lint(
    folder: Annotated[Path, typer.Argument(metavar="PATH", help="A catalog's folder.")] = Path(),
    as_json: options.Json = False,
) -> None:
    """Check a catalog for its authors."""
    from mlops_scaffold.authoring.lint import check

    findings = check(folder.resolve())
    if as_json:
        found = [
            {"file": f.file, "line": f.line, "rule": f.rule, "message": f.message, "fix": f.fix}
            for f in findings
        ]
        output.emit({"command": "catalog lint", "findings": found})
    for finding in () if as_json else findings:
        output.line(f"{finding.file}:{finding.line}: {finding.rule}: {finding.message}")
        output.paragraph(f"fix: {finding.fix}", indent="  ")
    if findings:
        raise typer.Exit(ExitCode.ERROR)
    if not as_json:
        output.line(f"{folder}: no findings.")
