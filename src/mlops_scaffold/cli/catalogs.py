"""`catalog`: keep other catalogs under a name, and check one."""

# What these verbs need beyond Typer is imported only when one of them runs.

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mlops_scaffold.cli import complete, output
from mlops_scaffold.errors import ExitCode

_Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def register(app: typer.Typer) -> None:
    """Add `catalog` and its verbs to the application."""
    group = typer.Typer(rich_markup_mode=None)
    group.command("add")(add)
    group.command("list")(list_)
    group.command("remove")(remove)
    group.command("lint")(lint)
    app.add_typer(group, name="catalog", help="Keep, and check, other catalogs.")


def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it: --catalog NAME.")],
    spec: Annotated[str, typer.Argument(metavar="PATH|URL", help="A folder or a git repository.")],
    as_json: _Json = False,
) -> None:
    """Keep a catalog under a name, once it was read and found sound."""
    from mlops_scaffold.catalog.loading import load
    from mlops_scaffold.source import external, saved

    source = external.open_foreign(spec)
    with source.tree() as tree:
        projects = load(tree.root).projects
        newest, ref = str(tree.version), tree.ref
    saved.add_catalog(name, source.url)
    versioned = not isinstance(source, external.FolderSource)
    if as_json:
        output.emit(
            {
                "command": "catalog add",
                "name": name,
                "url": source.url,
                "version": newest,
                "projects": [project.slug for project in projects],
            }
        )
        return
    output.line(f"Kept {source.url} as {name} ({len(projects)} projects, {ref}).")
    if not versioned:
        output.line("It has no version tags: what is made from it can't be upgraded.")
    output.line(f"Next: mlops-scaffold list --catalog {name}")


def list_(as_json: _Json = False) -> None:
    """List the kept catalogs."""
    from mlops_scaffold.source import saved

    kept = saved.catalogs()
    if as_json:
        catalogs = [{"name": name, "url": url} for name, url in kept.items()]
        output.emit({"command": "catalog list", "catalogs": catalogs})
    elif kept:
        output.table(list(kept.items()), flexible=1)
    else:
        output.line("No catalog is kept. Keep one with: mlops-scaffold catalog add NAME PATH|URL")


def remove(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="The name it is kept under.", autocompletion=complete.catalogs
        ),
    ],
    as_json: _Json = False,
) -> None:
    """Forget a kept catalog. The catalog itself is left alone."""
    from mlops_scaffold.source import saved

    url = saved.remove_catalog(name)
    if as_json:
        output.emit({"command": "catalog remove", "name": name, "url": url})
    else:
        output.line(f"Forgot {name} ({url}).")


def lint(
    folder: Annotated[Path, typer.Argument(metavar="PATH", help="A catalog's folder.")] = Path(),
    as_json: _Json = False,
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
        output.line(f"{folder}: nothing to complain about.")
