"""`release`, for maintainers: cut a version of the catalog."""

from __future__ import annotations

from typing import Annotated

import typer

from mlops_scaffold.cli import output


def register(app: typer.Typer) -> None:
    """Add the verb to the application."""
    app.command("release")(release)


def release(
    version: Annotated[
        str, typer.Argument(metavar="VERSION", help="The version to cut, like 0.2.0.")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check only; change nothing.")] = False,
) -> None:
    """Cut a release of the catalog, in a checkout of it (for maintainers).

    Turns the changelog's Unreleased section into the version's, sets the version, adds the bundle
    to `releases/`, and commits all of it.
    """
    from mlops_scaffold.authoring.release import cut
    from mlops_scaffold.source.builtin import builtin_root

    done = cut(builtin_root(), version, dry_run=dry_run)
    if dry_run:
        output.line(f"{version} can be released.")
    else:
        output.line(f"Released {version}: {done.bundle}.")
        output.line(f"Next: git push, then tag it: git tag v{version}")
