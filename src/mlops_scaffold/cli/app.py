"""The Typer application: every verb.

Each of the modules listed in `build_app` holds a group of verbs and exposes `register(app)`. At
module level it imports nothing slower than Typer; a verb imports what it needs when it is called.

A verb's function returns None when all is well, or an exit code, and raises `ScaffoldError` for
anything a person should read.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import typer

from mlops_scaffold.cli import adopt, catalogs, doctor, explore, new, release, upgrade
from mlops_scaffold.cli.fast_path import ABOUT, COMPLETING, PROGRAM, VERBS
from mlops_scaffold.cli.help import Group, Verb
from mlops_scaffold.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

_ORDER = {name: position for position, name in enumerate(VERBS)}
_HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}


def build_app() -> typer.Typer:
    """The Typer application with every verb, in the order and with the summaries of `VERBS`."""
    app = typer.Typer(
        name=PROGRAM, cls=Group, rich_markup_mode=None, pretty_exceptions_enable=False
    )

    @app.callback(help=ABOUT)
    def options(
        debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error."),
        version: bool = typer.Option(False, "--version", help="Show the version and exit."),
    ) -> None:
        """Declares, for completion, the options that are handled before Typer is imported."""

    for verbs in (explore, new, upgrade, adopt, doctor, catalogs, release):
        verbs.register(app)
    _with_our_help(app)
    for declared in app.registered_commands:
        declared.short_help = VERBS.get(declared.name or "")
    for group in app.registered_groups:
        group.short_help = VERBS.get(str(group.name))
        group.cls = Group
        group.context_settings = _HELP_OPTIONS
        if group.typer_instance:
            _with_our_help(group.typer_instance)
    app.registered_commands.sort(key=lambda verb: _ORDER.get(verb.name or "", len(_ORDER)))
    return app


def _with_our_help(app: typer.Typer) -> None:
    for declared in app.registered_commands:
        declared.cls = Verb
        declared.context_settings = _HELP_OPTIONS


def run(args: Sequence[str]) -> int:
    """Run one command.

    Args:
        args: What was typed after the program's name.

    Returns:
        The exit code.

    Raises:
        ScaffoldError: What went wrong, for the caller to print.
    """
    command = typer.main.get_command(build_app())
    args = _help_spelled_out(args)
    if COMPLETING in os.environ:
        command.main(list(args), prog_name=PROGRAM)  # answers the shell and exits
    try:
        # `main` would also catch interrupts and closed pipes, which `__main__` handles.
        with command.make_context(PROGRAM, list(args)) as context:
            result = command.invoke(context)
    except typer.Exit as done:
        return done.exit_code
    except typer.Abort:
        raise KeyboardInterrupt from None
    except Exception as problem:
        # Typer up to 0.25 raises click's exceptions, later versions raise copies of them. Both have
        # the method that formats a usage error.
        describe = getattr(problem, "format_message", None)
        if describe is None:
            raise
        verb = next((f" {arg}" for arg in args[:1] if arg in VERBS), "")
        hint = f"{PROGRAM}{verb} --help shows what it takes"
        raise UsageError(describe(), hint=hint) from None
    return int(result or 0)


def _help_spelled_out(args: Sequence[str]) -> Sequence[str]:
    """`help VERB` and a group without a verb ask for help, as `VERB --help` does."""
    match list(args):
        case ["help", *words]:
            return [*words, "--help"]
        case ["catalog"]:
            return ["catalog", "--help"]
    return args
