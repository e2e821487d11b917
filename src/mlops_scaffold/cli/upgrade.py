"""`status`, `diff` and `upgrade`: a repository and its template; `release`, for maintainers."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlops_scaffold import output
from mlops_scaffold.errors import ExitCode, ScaffoldError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlops_scaffold.upgrade.run import Report, Wish
    from mlops_scaffold.upgrade.status import Status

Projects = Annotated[
    list[Path] | None, typer.Argument(metavar="[DIR]...", help="Projects (default: this folder).")
]
Json = Annotated[bool, typer.Option("--json", help="Print versioned JSON instead of text.")]

_COLOURS: dict[str, output.Style] = {
    "conflict": "red",
    "failed": "red",
    "kept": "yellow",
    "kept deleted": "yellow",
    "merged": "cyan",
}


def register(app: typer.Typer) -> None:
    """Add the verbs to the application."""
    app.command("status")(status)
    app.command("diff")(diff)
    app.command("upgrade")(upgrade)
    app.command("release")(release)


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
    from mlops_scaffold.upgrade.renders import Renders
    from mlops_scaffold.upgrade.status import status as examine

    folders = projects or [Path()]
    failed: list[tuple[Path, ScaffoldError]] = []
    found: list[Status] = []
    with Renders() as renders:
        for folder in folders:
            try:
                found.append(examine(folder, renders))
            except ScaffoldError as problem:
                if len(folders) == 1:
                    raise
                failed.append((folder, problem))
    if as_json:
        listed = [_status_json(one) for one in found]
        output.emit(
            {"command": "status", "projects": listed + [_failure_json(*one) for one in failed]}
        )
    else:
        for one in found:
            _tell_status(one)
        for folder, why in failed:
            output.line(f"{folder}: {why.message}")
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
    _write(found)
    return ExitCode.ERROR if exit_code and found else ExitCode.OK


def upgrade(
    projects: Projects = None,
    to: Annotated[
        str, typer.Option("--to", metavar="V", help="A version (default: the newest).")
    ] = "",
    data: Annotated[
        list[str] | None,
        typer.Option("--data", "-d", metavar="KEY=VALUE", help="Change or give an answer."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what would become of each file; touch nothing.")
    ] = False,
    show_diff: Annotated[
        bool, typer.Option("--diff", help="Show the changes line by line, too.")
    ] = False,
    defaults: Annotated[
        bool, typer.Option("--defaults", "-y", help="Ask nothing: new questions get defaults.")
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
    from mlops_scaffold.cli.new import answers
    from mlops_scaffold.upgrade import run

    given = answers(data or [], None)
    if resume and abort:
        raise UsageError("--continue and --abort exclude each other")
    if (resume or abort) and (to or given or dry_run or branch):
        raise UsageError("--continue and --abort go with no --to, --data, --dry-run or --branch")
    wish = run.Wish(
        to=to,
        answers=given,
        ask=not (defaults or as_json or dry_run) and sys.stdin.isatty() and sys.stdout.isatty(),
        dry_run=dry_run,
        diff=show_diff,
        commit=commit,
        branch=branch,
    )
    folders = projects or [Path()]
    if resume:
        reports = _each(
            folders, lambda project: run.resume(project, commit=commit), as_json=as_json
        )
    elif abort:
        reports = _each(folders, run.abort, as_json=as_json)
    else:
        reports = _upgrade_all(folders, wish, as_json=as_json)
    return _end(reports, as_json=as_json)


def release(
    version: Annotated[str, typer.Argument(help="The version to cut, like 0.2.0.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check only; change nothing.")] = False,
) -> None:
    """Cut a release of the catalog, in a checkout of it (for maintainers).

    Turns the changelog's Unreleased section into the version's, sets the version, adds the bundle
    to `releases/`, and commits all of it.
    """
    from mlops_scaffold.release import cut
    from mlops_scaffold.source import builtin_root

    done = cut(builtin_root(), version, dry_run=dry_run)
    if dry_run:
        output.line(f"{version} can be released.")
    else:
        output.line(f"Released {version}: {done.bundle}.")
        output.line(f"Next: git push, then tag it: git tag v{version}")


def _upgrade_all(folders: Sequence[Path], wish: Wish, *, as_json: bool) -> list[Report]:
    from mlops_scaffold.upgrade.renders import Renders
    from mlops_scaffold.upgrade.run import upgrade as upgrade_one

    with Renders() as renders:
        return _each(folders, lambda one: upgrade_one(one, wish, renders), as_json=as_json)


def _each(
    folders: Sequence[Path], work: Callable[[Path], Report], *, as_json: bool
) -> list[Report]:
    """Do the work for each project; one that fails does not stop the others."""
    from mlops_scaffold.upgrade.run import Outcome, Report

    reports: list[Report] = []
    for folder in folders:
        try:
            report = work(folder)
        except ScaffoldError as problem:
            if len(folders) == 1:
                raise
            report = Report(folder, Outcome.FAILED, error=problem)
        reports.append(report)
        if not as_json:
            _tell(report)
    return reports


def _end(reports: Sequence[Report], *, as_json: bool) -> int:
    codes = {report.exit_code for report in reports}
    worst = (ExitCode.ERROR, ExitCode.USAGE, ExitCode.CONFLICTS)
    code = next((code for code in worst if code in codes), ExitCode.OK)
    if as_json:
        listed = [_json(report) for report in reports]
        output.emit({"command": "upgrade", "projects": listed, "exit_code": int(code)})
    elif len(reports) > 1:
        output.heading("All")
        rows = [(str(r.project), r.outcome.value, _way(r), _count(r)) for r in reports]
        output.table(rows, flexible=3)
    return code


def _tell(report: Report) -> None:
    from mlops_scaffold.upgrade.run import Outcome

    name = report.project.resolve().name
    if report.error:
        output.heading(name)
        output.error(report.error)
        return
    output.heading(f"{name}: {report.outcome.value} {_way(report)}".rstrip())
    if report.changelog:
        output.line()
        output.line(report.changelog)
        output.line()
    if report.changes:
        rows = [(c.verdict.value, _path(c.path, c.was), c.note) for c in report.changes]
        output.table(rows, flexible=2)
        output.line(_count(report))
    _write(report.diff)
    for path, blob in report.rescued.items():
        output.note(f"{path}: what you wrote there since is kept: git cat-file blob {blob}")
    match report.outcome:
        case Outcome.STAGED:
            output.line("Staged. Review: git diff --cached. Keep: git commit.")
        case Outcome.COMMITTED:
            output.line(f"Committed as {report.commit}.")
        case Outcome.CONFLICTS:
            output.line(
                "Edit the conflicts, git add each, then: mlops-scaffold upgrade --continue"
                " (or --abort)."
            )


def _way(report: Report) -> str:
    if report.old == report.new:
        return report.old
    return f"{report.old} -> {report.new}"


def _path(path: str, was: str) -> str:
    shown = f"{was} -> {path}" if was else path
    return shown.encode(errors="surrogateescape").decode(errors="replace")


def _count(report: Report) -> str:
    if report.error:
        return report.error.message.splitlines()[0]
    counted = Counter(change.verdict.value for change in report.changes)
    return ", ".join(f"{count} {verdict}" for verdict, count in counted.items())


def _json(report: Report) -> dict[str, Any]:
    found: dict[str, Any] = {
        "project": str(report.project),
        "outcome": report.outcome.value,
        "from": report.old,
        "to": report.new,
        "changes": [
            {"path": _path(c.path, ""), "verdict": c.verdict.value, "was": c.was, "note": c.note}
            for c in report.changes
        ],
        "conflicts": [_path(path, "") for path in report.conflicts],
        "changelog": report.changelog,
        "commit": report.commit,
    }
    if report.diff:
        found["diff"] = report.diff.decode(errors="replace")
    if report.error:
        found["error"] = {"message": report.error.message, "hint": report.error.hint}
    return found


def _tell_status(found: Status) -> None:
    output.heading(found.project.resolve().name)
    newest = f", newest {found.newest}" if found.update else ", the newest"
    rows = [("version", f"{found.version}{newest}"), ("catalog", found.source)]
    if found.unfinished:
        rows.append(("unfinished", f"upgrade {found.unfinished}"))
    rows += [("answer", f"{key} = {value}") for key, value in sorted(found.answers.items())]
    changed = {"edited": found.edited, "deleted": found.deleted, "added": found.added}
    rows += [(kind, _path(path, "")) for kind, paths in changed.items() for path in paths]
    output.table(rows, flexible=1)
    if found.unfinished:
        output.line("Next: mlops-scaffold upgrade --continue, or --abort")
    elif found.update:
        output.line("Next: mlops-scaffold upgrade --dry-run")


def _status_json(found: Status) -> dict[str, Any]:
    return {
        "project": str(found.project),
        "source": found.source,
        "version": found.version,
        "newest": found.newest,
        "update_available": found.update,
        "unfinished": found.unfinished,
        "answers": dict(found.answers),
        "edited": [_path(path, "") for path in found.edited],
        "deleted": [_path(path, "") for path in found.deleted],
        "added": [_path(path, "") for path in found.added],
    }


def _failure_json(folder: Path, problem: ScaffoldError) -> dict[str, Any]:
    error = {"message": problem.message, "hint": problem.hint}
    return {"project": str(folder), "error": error}


def _write(data: bytes) -> None:
    """Print a diff as it is: it may hold any bytes."""
    if data:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
