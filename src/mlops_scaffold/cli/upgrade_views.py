"""What `status` and `upgrade` say: as text for people and as data for programs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from mlops_scaffold.cli import output
from mlops_scaffold.upgrade.answer_changes import described
from mlops_scaffold.upgrade.run import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mlops_scaffold.errors import ScaffoldError
    from mlops_scaffold.upgrade.run import UpgradeResult
    from mlops_scaffold.upgrade.status import Status

_STYLES: Mapping[str, output.Style] = {
    "conflict": "red",
    "conflicts": "red",
    "failed": "red",
    "removed": "yellow",
    "kept": "yellow",
    "kept deleted": "yellow",
    "deleted": "yellow",
    "unfinished": "yellow",
    "update": "yellow",
    "merged": "cyan",
    "edited": "cyan",
    "added": "green",
    "updated": "green",
    "staged": "green",
    "committed": "green",
    "newest": "green",
}


def print_opening(project: Path, old: str, new: str, changelog: str) -> None:
    """Print what an upgrade is about to do, and what the template says has changed."""
    output.heading(f"{project.resolve().name}: {_way(old, new)}")
    if changelog:
        output.line()
        output.line(changelog)
    output.line()


def print_report(report: UpgradeResult) -> None:
    """Print what became of a project, after its opening."""
    if report.error:
        output.heading(report.project.name or str(report.project))
        output.error(report.error)
        return
    if report.outcome is Outcome.UP_TO_DATE:
        output.heading(f"{report.project.resolve().name}: up to date ({report.new})")
        return
    if report.changes:
        rows = [(c.verdict.value, _path(c.path, c.was), c.note) for c in report.changes]
        output.table(rows, flexible=2, styles=[_STYLES.get(row[0]) for row in rows])
        output.line(_count(report))
    if report.answers:
        rows = [("answer", described(each), each.note) for each in report.answers]
        output.table(
            rows, flexible=2, styles=["yellow" if a.replaced else None for a in report.answers]
        )
    output.raw(report.diff)
    for path, blob in report.rescued.items():
        output.note(f"{path}: what you wrote there since is kept: git cat-file blob {blob}")
    for message in report.messages:
        output.line(message)
    _print_next(report)


def _print_next(report: UpgradeResult) -> None:
    match report.outcome:
        case Outcome.PREVIEW:
            output.line("A preview: nothing was touched. The same without --dry-run does it.")
            if any(change.replaced for change in report.answers):
                output.line("It asks for the answers that no longer fit; -y takes these.")
        case Outcome.STAGED:
            output.line("Staged. Look at it: git diff --cached")
            output.line("Keep it: git commit. Undo it: git restore --staged --worktree .")
        case Outcome.COMMITTED:
            output.line(f"Committed as {report.commit}.")
        case Outcome.CONFLICTS:
            output.line("Edit the conflicts (or: git mergetool), git add each file, then:")
            output.line("  mlops-scaffold upgrade --continue")
            output.line("Or undo it all: mlops-scaffold upgrade --abort")
        case Outcome.ABORTED:
            output.line("Undone: files and index are as they were.")


def print_reports(reports: Sequence[UpgradeResult]) -> None:
    """Print a table of what became of each project of a fleet."""
    rows = [
        (str(report.project), report.outcome.value, _versions(report), _count(report))
        for report in reports
    ]
    styles = [_STYLES.get(row[1]) for row in rows]
    output.line()
    output.results(("Project", "Outcome", "Version", "Files"), rows, styles)


def report_data(report: UpgradeResult) -> dict[str, Any]:
    """A report as data for JSON."""
    found: dict[str, Any] = {
        "project": str(report.project),
        "outcome": report.outcome.value,
        "from": report.old,
        "to": report.new,
        "changes": [
            {"path": _path(c.path, ""), "verdict": c.verdict.value, "was": c.was, "note": c.note}
            for c in report.changes
        ],
        "answers": [
            {"key": each.key, "was": each.was, "now": each.now, "note": each.note}
            for each in report.answers
        ],
        "messages": list(report.messages),
        "conflicts": [_path(path, "") for path in report.conflicts],
        "changelog": report.changelog,
        "commit": report.commit,
    }
    if report.diff:
        found["diff"] = report.diff.decode(errors="replace")
    if report.error:
        found["error"] = {"message": report.error.message, "hint": report.error.hint}
    return found


def print_status(found: Status) -> None:
    """Print where a project stands."""
    output.heading(found.project.resolve().name)
    newest = f", newest {found.newest}" if found.update else ", the newest"
    rows = [("version", f"{found.version}{newest}"), ("catalog", found.source)]
    if found.unfinished:
        rows.append(("unfinished", f"upgrade {found.unfinished}"))
    rows += [("answer", f"{key} = {value}") for key, value in sorted(found.answers.items())]
    rows += [(kind, _path(path, "")) for kind, paths in _changed(found).items() for path in paths]
    output.table(rows, flexible=1, styles=[_STYLES.get(row[0]) for row in rows])
    if found.unfinished:
        output.line("Next: mlops-scaffold upgrade --continue, or --abort")
    elif found.update:
        output.line("Next: mlops-scaffold upgrade --dry-run")


def print_statuses(found: Sequence[Status], failed: Mapping[Path, ScaffoldError]) -> None:
    """Print a table of where the projects of a fleet stand."""
    rows = [
        (str(each.project), _state(each), each.version, each.newest, _counted(each))
        for each in found
    ]
    rows += [(str(folder), "failed", "", "", why.message) for folder, why in failed.items()]
    styles = [_STYLES.get(row[1]) for row in rows]
    output.line()
    output.results(("Project", "State", "Version", "Newest", "Files"), rows, styles)


def _counted(found: Status) -> str:
    changed = _changed(found).items()
    return ", ".join(f"{len(paths)} {kind}" for kind, paths in changed if paths)


def _changed(found: Status) -> dict[str, tuple[str, ...]]:
    return {"edited": found.edited, "deleted": found.deleted, "added": found.added}


def _state(found: Status) -> str:
    return "unfinished" if found.unfinished else "update" if found.update else "newest"


def status_data(found: Status) -> dict[str, Any]:
    """A status as data for JSON."""
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


def failure_data(folder: Path, problem: ScaffoldError) -> dict[str, Any]:
    """A project that could not be looked at, as data for JSON."""
    error = {"message": problem.message, "hint": problem.hint}
    return {"project": str(folder), "error": error}


def _versions(report: UpgradeResult) -> str:
    settled = report.outcome in {Outcome.UP_TO_DATE, Outcome.FAILED}
    return report.new if settled else _way(report.old, report.new)


def _way(old: str, new: str) -> str:
    return f"{old}, other answers" if old == new else f"{old} -> {new}"


def _path(path: str, was: str) -> str:
    shown = f"{was} -> {path}" if was else path
    return shown.encode(errors="surrogateescape").decode(errors="replace")


def _count(report: UpgradeResult) -> str:
    if report.error:
        return report.error.message.splitlines()[0]
    counted = Counter(change.verdict.value for change in report.changes)
    return ", ".join(f"{count} {verdict}" for verdict, count in counted.items())
