"""The verb `doctor`: what is on this machine, and what a project needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from mlops_scaffold.cli import complete, fast_path
from mlops_scaffold.cli.explore import CATALOG, JSON

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops_scaffold.doctor import Finding


def register(app: typer.Typer) -> None:
    """Add the verb to the application."""
    app.command("doctor")(doctor)


def doctor(
    project: str | None = typer.Argument(
        None,
        metavar="PROJECT",
        help="Look only for what this project needs.",
        autocompletion=complete.projects,
    ),
    catalog: str | None = CATALOG,
    as_json: bool = JSON,
) -> int:
    """Check this machine for what a project needs, and tell how to get what is missing.

    Ends with 1 if something is missing without which no demo or test runs.
    """
    from mlops_scaffold.cli import output
    from mlops_scaffold.doctor import examine
    from mlops_scaffold.errors import ExitCode

    needs = None
    if project is not None:
        with fast_path.opened(catalog) as found:
            needs = found.find(project).needs
    findings = examine(needs)
    if as_json:
        output.emit({"command": "doctor", "tools": [vars(finding) for finding in findings]})
    else:
        _print(findings)
    lacking = any(finding.required and finding.state != "ok" for finding in findings)
    return ExitCode.ERROR if lacking else ExitCode.OK


def _print(findings: Sequence[Finding]) -> None:
    from mlops_scaffold.cli import output

    output.table([_row(finding) for finding in findings], flexible=3, indent="")
    lacking = [finding for finding in findings if finding.state != "ok"]
    if lacking:
        output.line()
        output.heading("How to get what is missing")
        for finding in lacking:
            output.paragraph(f"{finding.name}: {finding.remedy}", indent="  ", hanging="    ")


def _row(finding: Finding) -> tuple[str, ...]:
    mark = "ok" if finding.state == "ok" else finding.state.upper()
    called = finding.command if finding.command.casefold() != finding.name.casefold() else ""
    version = " ".join(filter(None, (called, finding.version))) or "-"
    least = f" (at least {finding.minimum})" if finding.state == "old" else ""
    role = "required for" if finding.required else "for"
    return mark, finding.name, version + least, f"{role} {finding.purpose}"
