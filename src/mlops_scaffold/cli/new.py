"""`new`: make a repository from a project."""

# Copier and all that comes with it is imported only once there is something to make.

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlops_scaffold.cli import complete, output
from mlops_scaffold.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops_scaffold.creation.create import Created, Request


def register(app: typer.Typer) -> None:
    """Add `new` to the application."""
    app.command("new")(new)


def new(  # an option each
    project: Annotated[
        str | None,
        typer.Argument(
            metavar="PROJECT", help="Slug or number of a project.", autocompletion=complete.projects
        ),
    ] = None,
    directory: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="Where to (default: the project's name).")
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(
            "--data",
            "-d",
            metavar="KEY=VALUE",
            help="Answer a question.",
            autocompletion=complete.answers,
        ),
    ] = None,
    data_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Answer questions from a YAML file.")
    ] = None,
    defaults: Annotated[
        bool, typer.Option("--defaults", "-y", help="Ask nothing: take the defaults.")
    ] = False,
    version: Annotated[
        str | None,
        typer.Option(
            metavar="V",
            help="A version of the catalog, like 1.2.0; of a git repository also a branch, a"
            " commit, HEAD or working-tree.",
        ),
    ] = None,
    catalog: Annotated[
        str | None,
        typer.Option(
            metavar="C",
            help="An external catalog: a saved name, folder, git URL or gh:OWNER/REPOSITORY.",
            autocompletion=complete.catalogs,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the files, write nothing.")
    ] = False,
    no_git: Annotated[bool, typer.Option("--no-git", help="Make no git repository.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Make a repository from a project."""
    from mlops_scaffold.creation.create import Request, create

    started_in = Path.cwd()
    ask = _can_ask() and not defaults and not as_json
    request = Request(
        project=project or _pick(catalog, version, ask=ask),
        directory=directory,
        answers=answers(data or [], data_file),
        version=version,
        catalog=catalog,
        git=not no_git,
        ask=ask,
        dry_run=dry_run,
    )
    with output.working(quiet=as_json or ask) as progress:
        made = create(request, progress)
    if as_json:
        output.emit(_as_json(made, request, _next(made, started_in)))
    else:
        _tell(made, request, started_in)


def answers(data: Sequence[str], data_file: Path | None) -> dict[str, Any]:
    """Answers from `-d KEY=VALUE` and a file; the command line has the last word.

    Raises:
        ScaffoldError: The file is broken.
        UsageError: An item lacks its `=`.
    """
    found: dict[str, Any] = {}
    if data_file is not None:
        from mlops_scaffold.catalog import yamlfile

        for document in yamlfile.read(data_file):
            if document.value is not None:
                found |= {key: node.value for key, node in document.entries()}
    for item in data:
        key, equals, value = item.partition("=")
        if not equals or not key:
            raise UsageError(
                f"-d {item}: expected KEY=VALUE", hint="like: -d project_name=fraud-api"
            )
        found[key] = value
    return found


def _can_ask() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _pick(catalog_spec: str | None, version: str | None, *, ask: bool) -> str:
    """The only project of an external catalog; else let a person pick one, by level.

    Raises:
        UsageError: There is nobody to ask.
    """
    nobody = UsageError("which project?", hint="see what there is: mlops-scaffold list")
    if not ask and catalog_spec is None:
        raise nobody

    from mlops_scaffold.catalog.loading import load
    from mlops_scaffold.catalog.records import LEVELS
    from mlops_scaffold.source.opening import open_source

    source = open_source(catalog_spec)
    wanted = source.find(version) if version else None
    with source.tree(wanted) as tree:
        projects = [p for p in load(tree.root, name=tree.name).projects if p.has_template]
    if catalog_spec is not None and len(projects) == 1:
        return projects[0].slug
    if not ask:
        raise nobody
    import questionary

    choices: list[questionary.Choice | questionary.Separator] = []
    for level in LEVELS:
        mine = [p for p in projects if p.level == level]
        choices += [questionary.Separator(level)] if mine else []
        choices += [questionary.Choice(f"{p.slug}: {p.title}", p.slug) for p in mine]
    picked = questionary.select("Which project?", choices=choices, qmark="?").unsafe_ask()
    return str(picked)


def _tell(made: Created, request: Request, started_in: Path) -> None:
    from mlops_scaffold.creation.create import Git

    size = sum(file.size for file in made.files)
    what = f"{made.project} {made.version}"
    where = _folder(made, started_in)
    total = f"{len(made.files)} files, {_human(size)}"
    if request.dry_run:
        output.heading(f"{what} would make {where} ({total}):")
        output.table([(_human(file.size), file.path) for file in made.files], flexible=1)
        for note in made.notes:
            output.note(f"note: {note}")
        return
    output.line(f"Made {where} from {what} ({total}).")
    for note in made.notes:
        output.note(f"note: {note}")
    if made.git is Git.INSIDE:
        output.line("It lies inside a git repository, so it was not made one of its own.")
    elif made.git is Git.MISSING:
        output.line("git is not installed, so it is no repository: see mlops-scaffold doctor")
    output.line("Next:")
    for command in _next(made, started_in):
        output.line(f"  {command}")


def _next(made: Created, started_in: Path) -> tuple[str, str]:
    """The next two commands to type."""
    enter = f"cd {shlex.quote(str(_folder(made, started_in)))}"
    if any(file.path == "Makefile" for file in made.files):
        return f"{enter} && make demo", "make test"
    return enter, "ls"


def _folder(made: Created, started_in: Path) -> Path:
    """The project's path as a person would type it."""
    # Where the empty folder we started in became the project, only its whole path leads there.
    inside = made.path != started_in and made.path.is_relative_to(started_in)
    return made.path.relative_to(started_in) if inside else made.path


def _human(size: int) -> str:
    return f"{size} B" if size < 1e3 else f"{size / 1e3:.1f} kB"  # noqa: PLR2004  # SI prefixes


def _as_json(made: Created, request: Request, commands: Sequence[str]) -> dict[str, Any]:
    return {
        "command": "new",
        "project": made.project,
        "path": str(made.path),
        "catalog": made.url,
        "version": made.version,
        "answers": dict(made.answers),
        "dry_run": request.dry_run,
        "git": made.git.value,
        "files": [
            {"path": file.path, "size": file.size, "executable": file.executable}
            for file in made.files
        ],
        "next": list(commands),
        "notes": list(made.notes),
    }
