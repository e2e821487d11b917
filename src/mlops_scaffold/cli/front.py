"""The front door: answers `--help`, `--version` and plain `list` without importing Typer.

Those three are what people and scripts call most, and Typer alone costs more than they do.
Everything else, and every call this module can't read at once, goes to the Typer application,
which declares the same options and calls the same functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_scaffold import __version__, output

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PROGRAM = "mlops-scaffold"
ABOUT = "Complete, working repositories for the hands-on projects of an MLOps roadmap."

VERBS: Mapping[str, str] = {
    "list": "List the projects, by level.",
    "show": "Tell all about one project.",
    "roadmap": "Show the roadmap, and which project practises what.",
    "new": "Make a repository from a project.",
    "status": "Tell where a repository stands against its template.",
    "diff": "Show what the owner changed since the recorded version.",
    "upgrade": "Bring a repository up to a newer template version.",
    "doctor": "Check this machine for what a project needs.",
    "catalog": "Keep, and check, other catalogs.",
    "release": "Cut a release of the catalog (for maintainers).",
}
"""Every verb and its one-line summary, in the order in which help lists them."""

_OPTIONS: Mapping[str, str] = {
    "--version": "Show the version and exit.",
    "--debug": "Show the traceback of an error.",
    "--install-completion": "Install completion for the current shell.",
    "--show-completion": "Show the completion script, to copy or adapt.",
    "--help": "Show this message and exit.",
}


def answer(args: Sequence[str]) -> int | None:
    """Answer a call right away.

    Args:
        args: What was typed after the program's name.

    Returns:
        The exit code, or None if this call is for the Typer application.
    """
    match list(args):
        case [] | ["--help"]:
            _help()
            return 0
        case ["--version"]:
            output.line(f"{PROGRAM} {__version__}")
            return 0
    return None


def _help() -> None:
    output.line(f"Usage: {PROGRAM} [OPTIONS] COMMAND [ARGS]...")
    output.line()
    output.paragraph(
        "Complete, working repositories for the hands-on projects of an MLOps roadmap."
    )
    for title, entries in (("Commands", VERBS), ("Options", _OPTIONS)):
        output.line()
        output.heading(f"{title}:")
        output.table(list(entries.items()), flexible=1)
    output.line()
    output.paragraph(f"{PROGRAM} COMMAND --help tells more about one command.")
