"""`status`, `diff` and `upgrade`: a repository and its template."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlops_scaffold.cli import asking, complete, options, output
from mlops_scaffold.errors import ExitCode, ScaffoldError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlops_scaffold.upgrade.result import UpgradeRequest, UpgradeResult
    from mlops_scaffold.upgrade.status import Status

    UpgradeOne = Callable[[Path], UpgradeResult]

Projects = Annotated[
    list[Path] | None, typer.Argument(metavar="[DIR]...", help="Projects (default: this folder).")
]
AnswersFile = Annotated[
    str,
    typer.Option(
        "--answers-file",
        metavar="FILE",
        help="The project's answers file, where several templates share a folder.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the verbs to the application."""
    app.command("status")(status)
    app.command("diff")(diff)
    app.command("upgrade")(upgrade)


def status(
    projects: Projects = None,
    check: Annotated[
        bool, typer.Option("--check", help="Exit with code 4 if an update is available.")
    ] = False,
    answers_file: AnswersFile = "",
    as_json: options.Json = False,
) -> int:
    """Show how a repository differs from its template.

    Its version and the newest one, an unfinished upgrade, and the files that differ from what the
    template rendered.
    """
    from mlops_scaffold.answers import FILE_NAME
    from mlops_scaffold.cli import upgrade_views
    from mlops_scaffold.upgrade.renders import Renders
    from mlops_scaffold.upgrade.status import status as compare

    name = answers_file or FILE_NAME
    folders = _found(projects, name)
    failed: dict[Path, ScaffoldError] = {}
    found: list[Status] = []
    with Renders() as renders, output.working(quiet=as_json) as progress:
        for folder in folders:
            progress(f"Comparing {folder} with its template")
            try:
                found.append(compare(folder, renders, name=name))
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
        bool, typer.Option("--exit-code", help="Exit with code 1 if there are changes.")
    ] = False,
    answers_file: AnswersFile = "",
    as_json: options.Json = False,
) -> int:
    """Show what the owner changed since the recorded version."""
    from mlops_scaffold.answers import FILE_NAME, find_project
    from mlops_scaffold.cli import upgrade_views
    from mlops_scaffold.upgrade.renders import Renders
    from mlops_scaffold.upgrade.status import difference

    name = answers_file or FILE_NAME
    folder = find_project(project, name)
    colour = output.wants_colour() and not as_json
    with Renders() as renders:
        found = difference(folder, renders, colour=colour, name=name)
    if as_json:
        output.emit({"command": "diff", **upgrade_views.difference_data(found)})
    else:
        output.raw(found.text)
    return ExitCode.ERROR if exit_code and found.text else ExitCode.OK


def upgrade(
    projects: Projects = None,
    to: Annotated[
        str,
        typer.Option(
            "--to", metavar="V", help="A version (default: the newest); also an older one."
        ),
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
    skip: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH",
            help="Leave this file alone, now and in later upgrades (patterns as in .gitignore).",
        ),
    ] = None,
    unskip: Annotated[
        list[str] | None,
        typer.Option(metavar="PATH", help="Upgrade this file again, which was skipped."),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show what would happen to each file; touch nothing."),
    ] = False,
    show_diff: Annotated[
        bool, typer.Option("--diff", help="Also show the changes line by line.")
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
        bool,
        typer.Option("--abort", help="Undo an upgrade that is not committed: files and index."),
    ] = False,
    answers_file: AnswersFile = "",
    as_json: options.Json = False,
) -> int:
    """Bring a repository to a newer template version, and keep its owner's work.

    The result is staged for review. If there are conflicts, the exit code is 3, and they are marked
    in the files and in git's index: resolve them, then use --continue; or use --abort.
    """
    from mlops_scaffold.answers import FILE_NAME
    from mlops_scaffold.upgrade.result import UpgradeRequest

    given = asking.given_answers(data or [])
    request = UpgradeRequest(
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
        skip=tuple(skip or ()),
        unskip=tuple(unskip or ()),
        answers_file=answers_file or FILE_NAME,
    )
    if resume and abort:
        raise UsageError("--continue and --abort exclude each other")
    folders = _found(projects, request.answers_file)
    if not (resume or abort):
        return _start(folders, request, as_json=as_json)
    if to or catalog or given or skip or unskip or dry_run or branch:
        raise UsageError(
            "--continue and --abort can't be combined with --to, --catalog, --data, --skip,"
            " --unskip, --dry-run or --branch"
        )
    if resume:
        return _continue(folders, commit=commit, as_json=as_json)
    return _abort(folders, as_json=as_json)


def _start(folders: Sequence[Path], request: UpgradeRequest, *, as_json: bool) -> int:
    """Upgrade each project; say what has changed before asking or doing anything."""
    from mlops_scaffold.cli import upgrade_views
    from mlops_scaffold.upgrade.renders import Renders
    from mlops_scaffold.upgrade.run import upgrade as upgrade_one

    with Renders() as renders:

        def start(folder: Path) -> UpgradeResult:
            with output.working(quiet=as_json or request.ask) as progress:

                def announce(old: str, new: str, changelog: str) -> None:
                    progress("")
                    if not as_json:
                        upgrade_views.print_opening(folder, old, new, changelog)

                return upgrade_one(folder, request, renders, announce=announce, progress=progress)

        return _each(folders, start, as_json=as_json)


def _continue(folders: Sequence[Path], *, commit: bool, as_json: bool) -> int:
    """Finish the unfinished upgrade of each project."""
    from mlops_scaffold.upgrade.finish import resume

    return _each(folders, lambda folder: resume(folder, commit=commit), as_json=as_json, late=True)


def _abort(folders: Sequence[Path], *, as_json: bool) -> int:
    """Undo the upgrade of each project that is not committed."""
    from mlops_scaffold.upgrade.finish import abort

    return _each(folders, abort, as_json=as_json, late=True)


def _each(
    folders: Sequence[Path], upgrade_one: UpgradeOne, *, as_json: bool, late: bool = False
) -> int:
    """Call it for each project and print the results; one that fails does not stop the others.

    Args:
        folders: The projects.
        upgrade_one: What to do with each.
        as_json: Print JSON instead of text.
        late: It has printed nothing yet, not even the project's name.
    """
    from mlops_scaffold.cli import upgrade_views
    from mlops_scaffold.upgrade.result import Outcome, UpgradeResult

    results: list[UpgradeResult] = []
    for folder in folders:
        try:
            result = upgrade_one(folder)
            if late and not as_json:
                upgrade_views.print_opening(folder, result.old, result.new, "")
        except ScaffoldError as problem:
            if len(folders) == 1:
                raise
            result = UpgradeResult(folder, Outcome.FAILED, error=problem)
        results.append(result)
        if not as_json:
            upgrade_views.print_result(result)
    codes = {result.exit_code for result in results}
    worst = (ExitCode.ERROR, ExitCode.USAGE, ExitCode.CONFLICTS)
    code = next((code for code in worst if code in codes), ExitCode.OK)
    if as_json:
        listed = [upgrade_views.result_data(result) for result in results]
        output.emit({"command": "upgrade", "projects": listed, "exit_code": int(code)})
    elif len(results) > 1:
        upgrade_views.print_results(results)
    return code


def _found(named: list[Path] | None, answers_file: str) -> list[Path]:
    """The projects that the folders belong to, each once."""
    from mlops_scaffold.answers import find_project

    folders = [find_project(folder, answers_file) for folder in named or [Path()]]
    return list({folder.resolve(): folder for folder in folders}.values())
