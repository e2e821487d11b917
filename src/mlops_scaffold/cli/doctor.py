"""The verb `doctor`: whether this machine has what a project requires."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from mlops_scaffold.cli import complete, fast_path, options, output

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlops_scaffold.doctor import Finding


def register(app: typer.Typer) -> None:
    """Add the verb to the application."""
    app.command("doctor")(doctor)


def doctor(
    project: str | None = typer.Argument(
        None,
        metavar="PROJECT",
        help="Check only what this project requires.",
        autocompletion=complete.projects,
    ),
    catalog: options.Catalog = None,
    as_json: options.Json = False,
) -> int:
    """Check that this machine has what a project requires, and say how to get the rest.

    Exits with code 1 if something that every demo and test requires does not work.
    """
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


_STYLES: Mapping[str, output.Style] = {
    "ok": "green",
    "old": "yellow",
    "missing": "red",
    "broken": "red",
}


def _print(findings: Sequence[Finding]) -> None:
    output.table(
        [_row(finding) for finding in findings],
        flexible=3,
        indent="",
        styles=[
            _STYLES[finding.state] if finding.required or finding.state == "ok" else "yellow"
            for finding in findings
        ],
    )
    lacking = [finding for finding in findings if finding.state != "ok"]
    if lacking:
        output.line()
        output.heading("How to get the rest to work")
        for finding in lacking:
            output.paragraph(f"{finding.name}: {finding.remedy}", indent="  ", hanging="    ")


def _row(finding: Finding) -> tuple[str, ...]:
    command = finding.command if finding.command.casefold() != finding.name.casefold() else ""
    version = " ".join(filter(None, (command, finding.version))) or "-"
    least = f" (needs {finding.minimum} or newer)" if finding.state == "old" else ""
    role = "required for" if finding.required else "for"
    return finding.state, finding.name, version + least, f"{role} {finding.purpose}"
