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
Exit codes: 0 success; 1 other error; 2 usage error; 3 the data violates the contract; 4 a model is
damaged; 5 the state of the repository does not allow it; 6 an object of a version is missing or
damaged; 7 the registry is unavailable or disagrees with git.
"""
Command = Callable[[commands.Context, argparse.Namespace], tuple[Any, str]]


def parser() -> argparse.ArgumentParser:
    """Build the parser: one subcommand per function of `commands`."""
    top = argparse.ArgumentParser(
        prog="versions",
        description="Manage versions of data and models with Git, DVC and MLflow.",
        epilog=_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--json", action="store_true", help="print JSON, for programs")
    subs = top.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, run: Command, summary: str, *options: tuple[Any, dict[str, Any]]) -> None:
        sub = subs.add_parser(name, help=summary, description=summary)
        sub.set_defaults(run=run)
        for names, settings in options:
            sub.add_argument(*([names] if isinstance(names, str) else names), **settings)

    version = ("version", {"help": "like 1.2.0"})
    revision = {"help": "a version, a git revision, or . for the working tree"}
    add("reproduce", commands.reproduce, "run the stages whose inputs changed")
    add("stale", commands.stale, "fail if dvc.lock does not match the working tree")
    add("list", commands.list_, "list all versions")
    add(
        "compare",
        commands.compare_,
        "compare two versions",
        ("one", revision),
        ("other", revision),
    )
    add(
        "lineage",
        commands.lineage_,
        "show where a version comes from",
        ("version", {"help": "like 1.2.0, or production"}),
        ("--picture", {"type": _absolute, "metavar": "FILE", "help": "also draw it as SVG"}),
    )
    add(
        "release",
        commands.release_,
        "release this commit as a version: push, tag, register",
        version,
    )
    add("promote", commands.promote, "put a version into production", version)
    add("rollback", commands.rollback, "put the previous version back into production")
    add(
        "serve",
        commands.serve,
        "install the version in production for predict",
        ("--unreleased", {"action": "store_true", "help": "the model of the working tree instead"}),
    )
    add("sync", commands.sync, "register all versions in the registry")
    add(
        "verify",
        commands.verify_,
        "check that the data and model of every version are in the remote and intact",
        ("version", {"nargs": "*", "help": "only these versions"}),
        ("--quick", {"action": "store_true", "help": "only check that they exist"}),
        ("--repair", {"action": "store_true", "help": "repair cache and remote from each other"}),
    )
    add(
        "gc",
        commands.gc_,
        "show objects that no version, branch or experiment needs; remove them with --yes",
        ("--yes", {"action": "store_true", "help": "remove them"}),
        (
            "--days",
            {
                "type": float,
                "default": 14,
                "help": "keep objects in the remote that are newer (default: %(default)s)",
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
    add("keep", commands.keep, "apply an experiment to the working tree", ("name", {}))
    add("drop", commands.drop, "delete experiments", ("name", {"nargs": "+"}))
    add(
        "report",
        commands.report_,
        "compare the working tree with a base, as Markdown with plots",
        ("base", revision),
        (
            "--folder",
            {"type": _absolute, "default": "reports", "help": "folder to write to (%(default)s)"},
        ),
    )
    return top


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = parser().parse_args(arguments)
    try:
        with commands.context(Path.cwd()) as context:
            data, text = options.run(context, options)
        print(json.dumps(data, indent=2, default=str) if options.json else text)
    except commands.FindingsError as error:
        print(json.dumps(error.data, indent=2, default=str) if options.json else error)
        return error.code
    except ProjectError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        print("interrupted: run the command again to continue", file=sys.stderr)
        return 130
    return 0


def _absolute(name: str) -> Path:
    """Resolve a path before DVC changes the current folder."""
    return Path(name).absolute()
