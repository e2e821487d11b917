"""`new`: make a repository from a project."""

# Copier, with all that it imports, is imported only once there is something to make.

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path  # noqa: TC003  # Typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlops_scaffold.cli import asking, complete, options, output
from mlops_scaffold.errors import ExitCode, ScaffoldError, UsageError

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
        Path | None, typer.Argument(metavar="DIR", help="Its folder (default: the project's name).")
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
    data_file: options.DataFile = None,
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
    catalog: options.Catalog = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the files; write nothing.")
    ] = False,
    no_git: Annotated[
        bool, typer.Option("--no-git", help="Do not create a git repository.")
    ] = False,
    as_json: options.Json = False,
) -> int:
    """Create a repository from a project.

    What neither -d nor --data-file answers is asked on the terminal. Without one, and with -y or
    --json, the defaults are taken.
    """
    from mlops_scaffold.creation.create import Request, create
    from mlops_scaffold.creation.target import current_folder

    started_in = current_folder()
    wanted = not (defaults or as_json)
    ask = wanted and asking.can_ask()
    if wanted and asking.has_input_only():
        output.note("note: no terminal to show questions on; taking the defaults")
    try:
        request = Request(
            project=project or _choose_project(catalog, version, ask=ask),
            directory=directory,
            answers=asking.given_answers(data or [], data_file, folder_named=directory is not None),
            version=version,
            catalog=catalog,
            git=not no_git,
            ask=ask,
            dry_run=dry_run,
        )
        with output.working(quiet=as_json or ask) as progress:
            made = create(request, progress)
    except KeyboardInterrupt:
        output.note("Interrupted; nothing was made.")
        raise
    return _report(made, request, started_in, as_json=as_json)


def _choose_project(catalog_spec: str | None, version: str | None, *, ask: bool) -> str:
    """The only project of an external catalog; else let a person choose one, by level.

    Raises:
        UsageError: There is no terminal to ask on.
    """
    missing = UsageError("which project?", hint="see them all: mlops-scaffold list")
    if not ask and catalog_spec is None:
        raise missing

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
        raise missing
    import questionary
    from prompt_toolkit.application import create_app_session
    from prompt_toolkit.output import create_output

    choices: list[questionary.Choice | questionary.Separator] = []
    for level in LEVELS:
        mine = [p for p in projects if p.level == level]
        choices += [questionary.Separator(level)] if mine else []
        choices += [questionary.Choice(f"{p.slug}: {p.title}", p.slug) for p in mine]
    with create_app_session(output=create_output(always_prefer_tty=True)):
        chosen = questionary.select("Which project?", choices=choices, qmark="?").unsafe_ask()
    return str(chosen)


def _report(made: Created, request: Request, started_in: Path, *, as_json: bool) -> int:
    """Print the result. The project exists by now; an error in printing has to say so."""
    try:
        if as_json:
            output.emit(_as_json(made, request, _next_commands(made, started_in)))
        else:
            _print_result(made, request, started_in)
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:  # the reader closed the pipe
        _discard_stdout()
    except OSError as problem:
        _discard_stdout()
        what = "nothing was made" if request.dry_run else f"{made.path} was made"
        raise ScaffoldError(
            f"{what}, but the result can't be printed: {problem.strerror}"
        ) from problem
    return ExitCode.OK


def _discard_stdout() -> None:
    """Drop what is still buffered, which would fail again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_result(made: Created, request: Request, started_in: Path) -> None:
    from mlops_scaffold.creation.create import Git

    size = sum(file.size for file in made.files)
    what = f"{made.project} {made.version}"
    where = _folder(made, started_in)
    total = f"{len(made.files)} files, {_format_size(size)}"
    if request.dry_run:
        output.heading(f"{what} would make {where} ({total}):")
        rows = [(_format_size(file.size), file.path) for file in made.files]
        output.table(rows, flexible=1)
    else:
        output.line(f"Made {where} from {what} ({total}).")
        if made.git is Git.INSIDE:
            output.line("Already inside a git repository; no new one was created.")
        elif made.git is Git.MISSING:
            output.line("git is not installed, so no repository was created:")
            output.line("  mlops-scaffold doctor")
    for note in made.notes:
        output.note(f"note: {note}")
    for message in made.messages:
        output.line()
        output.line(message)
        output.line()
    if not request.dry_run:
        output.line("Next:")
        for command in _next_commands(made, started_in):
            output.line(f"  {command}")


def _next_commands(made: Created, started_in: Path) -> tuple[str, str]:
    """The next two commands to type."""
    folder = str(_folder(made, started_in))
    enter = f"cd {shlex.quote(f'./{folder}' if folder.startswith('-') else folder)}"
    if any(file.path == "Makefile" for file in made.files):
        return f"{enter} && make demo", "make test"
    return enter, "ls"


def _folder(made: Created, started_in: Path) -> Path:
    """The project's path as a person would type it."""
    # If the current folder, which was empty, became the project, only its full path leads there.
    inside = made.path != started_in and made.path.is_relative_to(started_in)
    return made.path.relative_to(started_in) if inside else made.path


def _format_size(size: int) -> str:
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
        "messages": list(made.messages),
        "next": list(commands),
        "notes": list(made.notes),
    }
