"""`status`, `diff` and `upgrade`: a repository and its template."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlops_scaffold.cli import asking, complete, output
from mlops_scaffold.errors import ExitCode, ScaffoldError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlops_scaffold.upgrade.renders import Renders
    from mlops_scaffold.upgrade.run import UpgradeRequest, UpgradeResult
    from mlops_scaffold.upgrade.status import Status

    Task = Callable[[Path], UpgradeResult]

Projects = Annotated[
    list[Path] | None, typer.Argument(metavar="[DIR]...", help="Projects (default: this folder).")
]
Json = Annotated[bool, typer.Option("--json", help="Print versioned JSON instead of text.")]


def register(app: typer.Typer) -> None:
    """Add the verbs to the application."""
    app.command("status")(status)
    app.command("diff")(diff)
    app.command("upgrade")(upgrade)


def status(
    projects: Projects = None,
    check: Annotated[
        bool, typer.Option("--check", help="End with 4 when an update is available.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Tell where a repository stands against its template.

    Its version and the newest one, an unfinished upgrade, and the files that differ from what the
    template rendered.
    """
    from mlops_scaffold.cli import upgrade_views
    from mlops_scaffold.upgrade.renders import Renders
    from mlops_scaffold.upgrade.status import status as examine

    folders = projects or [Path()]
    failed: dict[Path, ScaffoldError] = {}
    found: list[Status] = []
    with Renders() as renders, output.working(quiet=as_json) as progress:
        for folder in folders:
            progress(f"Comparing {folder} with its template")
            try:
                found.append(examine(folder, renders))
            except ScaffoldError as problem:
                if len(folders) == 1:
                    raise
                failed[folder] = problem
    if as_json:
        listed = [upgrade_views.status_data(one) for one in found]
        listed += [upgrade_views.failure_data(*one) for one in failed.items()]
        output.emit({"command": "status", "projects": listed})
    else:
        for one in found:
            upgrade_views.print_status(one)
        for why in failed.values():
            output.error(why)
        if len(folders) > 1:
            upgrade_views.print_statuses(found, failed)
    if failed:
        return ExitCode.ERROR
    outdated = check and any(one.update for one in found)
    return ExitCode.UPDATE_AVAILABLE if outdated else ExitCode.OK


def diff(
    project: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="A project (default: this folder).")
    ] = Path(),
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="End with 1 if there are changes.")
    ] = False,
) -> int:
    """Show what the owner changed since the recorded version."""
    from mlops_scaffold.upgrade.renders import Renders
    from mlops_scaffold.upgrade.status import difference

    with Renders() as renders:
        found = difference(project, renders, colour=output.wants_colour())
    output.raw(found)
    return ExitCode.ERROR if exit_code and found else ExitCode.OK


def upgrade(
    projects: Projects = None,
    to: Annotated[
        str, typer.Option("--to", metavar="V", help="A version (default: the newest).")
    ] = "",
    catalog: Annotated[
        str,
        typer.Option(
            metavar="NEW",
            help="Where the catalog is now, if it moved: a saved name, folder, git URL or"
            " gh:OWNER/REPOSITORY.",
            autocompletion=complete.catalogs,
        ),
    ] = "",
    data: Annotated[
        list[str] | None,
        typer.Option(
            "--data",
            "-d",
            metavar="KEY=VALUE",
            help="Change or give an answer.",
            autocompletion=complete.recorded_answers,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what would become of each file; touch nothing.")
    ] = False,
    show_diff: Annotated[
        bool, typer.Option("--diff", help="Show the changes line by line, too.")
    ] = False,
    defaults: Annotated[
        bool, typer.Option("--defaults", "-y", help="Ask nothing: take defaults.")
    ] = False,
    commit: Annotated[
        bool, typer.Option("--commit", help="Commit the result (without hooks or signing).")
    ] = False,
    branch: Annotated[
        str, typer.Option("--branch", metavar="NAME", help="Commit it on a new branch.")
    ] = "",
    resume: Annotated[
        bool, typer.Option("--continue", help="Finish, after conflicts were resolved.")
    ] = False,
    abort: Annotated[
        bool, typer.Option("--abort", help="Undo an unfinished upgrade: files and index.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Bring a repository up to a newer template version, and keep its owner's work.

    The result is staged for review. Conflicts end with 3, and are marked in the files and in git's
    index; resolve them, then use --continue, or --abort.
    """
    from mlops_scaffold.upgrade import run
    from mlops_scaffold.upgrade.renders import Renders

    given = asking.given_answers(data or [])
    if resume and abort:
        raise UsageError("--continue and --abort exclude each other")
    if (resume or abort) and (to or catalog or given or dry_run or branch):
        raise UsageError(
            "--continue and --abort can't be combined with --to, --catalog, --data, --dry-run or"
            " --branch"
        )
    request = run.UpgradeRequest(
        to=to,
        catalog=catalog,
        answers=given,
        ask=not (defaults or as_json or dry_run) and asking.can_ask(),
        accept_defaults=defaults,
        dry_run=dry_run,
        diff=show_diff,
        colour=output.wants_colour() and not as_json,
        commit=commit,
        branch=branch,
    )
    work: Task
    with ExitStack() as held:
        if resume:
            work = _afterwards(lambda project: run.resume(project, commit=commit), quiet=as_json)
        elif abort:
            work = _afterwards(run.abort, quiet=as_json)
        else:
            work = _upgrading(request, held.enter_context(Renders()), quiet=as_json)
        reports = _each(projects or [Path()], work, as_json=as_json)
    return _end(reports, as_json=as_json)


def _upgrading(request: UpgradeRequest, renders: Renders, *, quiet: bool) -> Task:
    """The work of an upgrade that tells what has changed before it asks or does anything."""
    from mlops_scaffold.cli import upgrade_views
    from mlops_scaffold.upgrade.run import upgrade as upgrade_one

    def work(project: Path) -> UpgradeResult:
        with output.working(quiet=quiet or request.ask) as progress:

            def announce(old: str, new: str, changelog: str) -> None:
                progress("")
                if not quiet:
                    upgrade_views.print_opening(project, old, new, changelog)

            return upgrade_one(project, request, renders, announce=announce, progress=progress)

    return work


def _afterwards(work: Task, *, quiet: bool) -> Task:
    """The work of ending an upgrade, which is told when it is done."""
    from mlops_scaffold.cli import upgrade_views

    def done(project: Path) -> UpgradeResult:
        report = work(project)
        if not quiet:
            upgrade_views.print_opening(project, report.old, report.new, "")
        return report

    return done


def _each(folders: Sequence[Path], work: Task, *, as_json: bool) -> list[UpgradeResult]:
    """Do the work for each project; one that fails does not stop the others."""
    from mlops_scaffold.cli import upgrade_views
    from mlops_scaffold.upgrade.run import Outcome, UpgradeResult

    reports: list[UpgradeResult] = []
    for folder in folders:
        try:
            report = work(folder)
        except ScaffoldError as problem:
            if len(folders) == 1:
                raise
            report = UpgradeResult(folder, Outcome.FAILED, error=problem)
        reports.append(report)
        if not as_json:
            upgrade_views.print_report(report)
    return reports


def _end(reports: Sequence[UpgradeResult], *, as_json: bool) -> int:
    from mlops_scaffold.cli import upgrade_views

    codes = {report.exit_code for report in reports}
    worst = (ExitCode.ERROR, ExitCode.USAGE, ExitCode.CONFLICTS)
    code = next((code for code in worst if code in codes), ExitCode.OK)
    if as_json:
        listed = [upgrade_views.report_data(report) for report in reports]
        output.emit({"command": "upgrade", "projects": listed, "exit_code": int(code)})
    elif len(reports) > 1:
        upgrade_views.print_reports(reports)
    return code
