"""The command `versions`: parse, call one function, print."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import ProjectError
from . import commands

_HELP = """\
Exit codes: 0 done; 1 something else went wrong; 2 wrong usage; 3 the data is not what the contract
says; 4 a model is damaged; 5 something has to be done first; 6 something that a version needs is
missing or damaged; 7 the registry cannot be used or says something else than git.
"""
Command = Callable[[commands.Context, argparse.Namespace], tuple[Any, str]]


def parser() -> argparse.ArgumentParser:
    """Build the parser: one subcommand per function of `commands`."""
    top = argparse.ArgumentParser(
        prog="versions",
        description="Versions of data and models, over Git, DVC and MLflow.",
        epilog=_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--json", action="store_true", help="print JSON, for programs")
    subs = top.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, run: Command, summary: str, *options: tuple[Any, dict[str, Any]]) -> None:
        sub = subs.add_parser(name, help=summary, description=summary)
        sub.set_defaults(run=run)
        for names, rest in options:
            sub.add_argument(*([names] if isinstance(names, str) else names), **rest)

    version = ("version", {"help": "like 1.2.0"})
    side = {"help": "a version, a revision of git, or . for the working tree"}
    add("reproduce", commands.reproduce, "run the stages of which something changed")
    add("stale", commands.stale, "fail if dvc.lock does not describe this tree")
    add("list", commands.list_, "list all versions")
    add("compare", commands.compare_, "compare two versions", ("one", side), ("other", side))
    add(
        "lineage",
        commands.lineage_,
        "tell where a version comes from",
        ("version", {"help": "like 1.2.0, or production"}),
        ("--picture", {"type": _absolute, "metavar": "FILE", "help": "draw it too, as SVG"}),
    )
    add("release", commands.release_, "make this commit a version: push, tag, register", version)
    add("promote", commands.promote, "put a version into production", version)
    add("rollback", commands.rollback, "put the version before back into production")
    add(
        "serve",
        commands.serve,
        "put the version in production where predict finds it",
        ("--unreleased", {"action": "store_true", "help": "the model of the working tree instead"}),
    )
    add("sync", commands.sync, "enter all versions into the registry")
    add(
        "verify",
        commands.verify_,
        "check that data and model of every version are in the remote, and whole",
        ("version", {"nargs": "*", "help": "only these"}),
        ("--quick", {"action": "store_true", "help": "do not read them, only ask for them"}),
        ("--repair", {"action": "store_true", "help": "put right what the other place has whole"}),
    )
    add(
        "gc",
        commands.gc_,
        "show what no version, branch or experiment needs; remove it with --yes",
        ("--yes", {"action": "store_true", "help": "remove it"}),
        (
            "--days",
            {
                "type": float,
                "default": 14,
                "help": "spare what is newer in the remote (%(default)s)",
            },
        ),
    )
    add(
        "try",
        commands.try_,
        "run experiments, one per combination of values",
        ("settings", {"nargs": "+", "metavar": "NAME=VALUE[,VALUE...]", "help": "parameters"}),
    )
    add("experiments", commands.experiments_, "list the experiments of this commit")
    add("keep", commands.keep, "bring an experiment into the working tree", ("name", {}))
    add("drop", commands.drop, "throw experiments away", ("name", {"nargs": "+"}))
    add(
        "report",
        commands.report_,
        "compare the working tree with a base, in Markdown and pictures",
        ("base", side),
        ("--folder", {"type": _absolute, "default": "reports", "help": "where to (%(default)s)"}),
    )
    return top


def main(arguments: list[str] | None = None) -> int:
    """Run the command; gives the exit code."""
    chosen = parser().parse_args(arguments)
    try:
        with commands.context(Path.cwd()) as context:
            data, text = chosen.run(context, chosen)
        print(json.dumps(data, indent=2, default=str) if chosen.json else text)
    except commands.FoundError as error:
        print(json.dumps(error.data, indent=2, default=str) if chosen.json else error)
        return error.code
    except ProjectError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        print("interrupted: call it again to go on", file=sys.stderr)
        return 130
    return 0


def _absolute(name: str) -> Path:
    """Resolve a path before DVC changes the current folder."""
    return Path(name).absolute()
