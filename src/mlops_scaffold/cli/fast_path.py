"""The fast path: answers `--help`, `--version` and `list` without importing Typer.

People and scripts call these most, and importing Typer alone takes longer than they do. Everything
else, and every call that this module doesn't understand, goes to the Typer application, which
declares the same options and calls the same functions.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mlops_scaffold import __version__
from mlops_scaffold.cli import output

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlops_scaffold.catalog.catalog import Catalog

PROGRAM = "mlops-scaffold"
COMPLETING = "_MLOPS_SCAFFOLD_COMPLETE"
"""The environment variable with which a shell asks for completions."""
ABOUT = "Complete, working repositories for the hands-on projects of an MLOps roadmap."

VERBS: Mapping[str, str] = {
    "list": "List the projects, by level.",
    "show": "Show a project's details.",
    "roadmap": "Show the roadmap and which projects practise each topic.",
    "new": "Create a repository from a project.",
    "status": "Compare a repository with its template.",
    "diff": "Show what was changed since the repository was created or upgraded.",
    "upgrade": "Upgrade a repository to a newer template version.",
    "adopt": "Take an existing repository under a template.",
    "doctor": "Check that this machine has what a project requires.",
    "catalog": "Manage external catalogs.",
    "release": "Cut a release of the catalog (for maintainers).",
}
"""Every verb with its one-line summary, in the order in which help lists them."""

_LIST_OPTIONS = {"--search", "--level", "--phase", "--tool", "--catalog"}
_OPTIONS: Mapping[str, str] = {
    "--version": "Show the version and exit.",
    "--debug": "Show the traceback of an error.",
    "--install-completion": "Install completion for the current shell.",
    "--show-completion": "Show the completion script, to copy or adapt.",
    "-h, --help": "Show this help and exit.",
}


def answer(args: Sequence[str]) -> int | None:
    """Answer a call at once, if that needs no Typer.

    Args:
        args: What was typed after the program's name.

    Returns:
        The exit code, or None if the Typer application has to answer.
    """
    if COMPLETING in os.environ:
        return None
    match list(args):
        case [] | ["--help"] | ["-h"] | ["help"]:
            _help()
            return 0
        case ["--version"]:
            output.line(f"{PROGRAM} {__version__}")
            return 0
        case ["list", *rest]:
            options = _list_options(rest)
            return None if options is None else list_projects(**options)
    return None


def list_projects(
    *,
    search: str = "",
    level: str | None = None,
    phase: str | None = None,
    tool: str | None = None,
    catalog: str | None = None,
    as_json: bool = False,
) -> int:
    """Print the projects that match.

    Raises:
        ScaffoldError: The catalog can't be read, or has no such level, phase or tool.
    """
    from mlops_scaffold.cli import catalog_views

    with opened(catalog) as found:
        projects = found.search(search, level=level, phase=phase, tool=tool)
        if as_json:
            listed = [catalog_views.project_data(found, each) for each in projects]
            output.emit({"command": "list", "projects": listed})
        else:
            catalog_views.print_projects(projects)
    return 0


@contextmanager
def opened(spec: str | None) -> Iterator[Catalog]:
    """The catalog that `--catalog` names, or the built-in one, for the length of the context.

    Raises:
        ScaffoldError: It can't be reached or read.
    """
    from mlops_scaffold.catalog.loading import load
    from mlops_scaffold.source.builtin import builtin_root
    from mlops_scaffold.source.opening import open_source

    if spec is None:
        yield load(builtin_root())
        return
    with open_source(spec).tree() as tree:
        yield load(tree.root, name=tree.name)


def _list_options(args: Sequence[str]) -> dict[str, Any] | None:
    """The options of `list`, or None if Typer should parse them (to explain a mistake, say)."""
    found: dict[str, Any] = {}
    rest = list(args)
    while rest:
        name, given, value = rest.pop(0).partition("=")
        if name == "--json" and not given:
            found["as_json"] = True
        elif name in _LIST_OPTIONS and (given or rest):
            found[name.removeprefix("--")] = value if given else rest.pop(0)
        else:
            return None
    return found


def _help() -> None:
    output.paragraph(f"Usage: {PROGRAM} [OPTIONS] COMMAND [ARGS]...", hanging=" " * 4)
    output.line()
    output.paragraph(ABOUT)
    for title, entries in (("Commands", VERBS), ("Options", _OPTIONS)):
        output.line()
        output.heading(title)
        output.table(list(entries.items()), flexible=1)
    output.line()
    output.paragraph(f"Help for one command: {PROGRAM} COMMAND --help")
