"""The read-only verbs: `list`, `show` and `roadmap`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from mlops_scaffold.cli import complete, fast_path, options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_scaffold.catalog.catalog import Catalog
    from mlops_scaffold.source.base import TemplateTree


def register(app: typer.Typer) -> None:
    """Add the verbs to the application."""
    app.command("list")(list_projects)
    app.command("show")(show)
    app.command("roadmap")(roadmap)


def list_projects(
    level: str | None = typer.Option(
        None, "--level", metavar="LEVEL", help="Only this level.", autocompletion=complete.levels
    ),
    phase: str | None = typer.Option(
        None,
        "--phase",
        metavar="PHASE",
        help="Only projects that practise this phase of the roadmap (number or id).",
        autocompletion=complete.phases,
    ),
    tool: str | None = typer.Option(
        None,
        "--tool",
        metavar="TOOL",
        help="Only with this tool.",
        autocompletion=complete.tools,
    ),
    search: str = typer.Option(
        "", "--search", metavar="WORDS", help="Only projects that mention all these words."
    ),
    catalog: options.Catalog = None,
    as_json: options.Json = False,
) -> int:
    """List the projects, by level."""
    return fast_path.list_projects(
        search=search, level=level, phase=phase, tool=tool, catalog=catalog, as_json=as_json
    )


def show(
    project: str = typer.Argument(
        ..., metavar="PROJECT", help="Its name or number.", autocompletion=complete.projects
    ),
    files: bool = typer.Option(False, "--files", help="List every file it makes."),
    catalog: options.Catalog = None,
    as_json: options.Json = False,
) -> None:
    """Show a project's details: what it teaches, makes, asks and requires."""
    import shlex

    from mlops_scaffold.catalog import contents
    from mlops_scaffold.catalog.loading import load
    from mlops_scaffold.cli import catalog_views, output
    from mlops_scaffold.source.opening import open_source

    with open_source(catalog).tree() as tree:
        found = load(tree.root, name=tree.name)
        chosen = found.find(project)
        questions = (
            contents.questions(found.root, found.selected(chosen)) if chosen.has_template else ()
        )
        made = _files(tree, found.selecting(chosen)) if chosen.has_template else ()
        if not as_json:
            options = f" --catalog {shlex.quote(catalog)}" if catalog else ""
            catalog_views.print_project(
                found, chosen, questions, made, options=options, every_file=files
            )
            return
        nearest = None if chosen.has_template else found.nearest(chosen)
        output.emit(
            {
                "command": "show",
                "project": catalog_views.project_data(found, chosen),
                "questions": [vars(question) for question in questions],
                "files": made,
                "nearest": nearest and nearest.slug,
            }
        )


def _files(tree: TemplateTree, answers: Mapping[str, str]) -> tuple[str, ...]:
    """The files that the defaults make; none, with a note, if that can't be told."""
    from mlops_scaffold.cli import output
    from mlops_scaffold.errors import ScaffoldError
    from mlops_scaffold.render.preview import rendered_files

    try:
        return rendered_files(tree, answers)
    except ScaffoldError as problem:  # a question without a default, or a broken template
        output.note(f"The files can't be listed: {problem.message}")
        return ()


def roadmap(catalog: options.Catalog = None, as_json: options.Json = False) -> None:
    """Show the roadmap and which projects practise each topic."""
    from mlops_scaffold.cli import catalog_views, output

    with fast_path.opened(catalog) as found:
        _refuse_empty(found)
        if as_json:
            output.emit({"command": "roadmap", "roadmap": catalog_views.roadmap_data(found)})
        else:
            catalog_views.print_roadmap(found)


def _refuse_empty(catalog: Catalog) -> None:
    from mlops_scaffold.errors import ScaffoldError

    if not catalog.roadmap.topics:
        raise ScaffoldError(
            "this catalog has no roadmap", hint="mlops-scaffold list shows its projects"
        )
