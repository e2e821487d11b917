"""What `status`, `diff` and `upgrade` print: text for people and data for programs."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mlops_scaffold import shell
from mlops_scaffold.cli import output
from mlops_scaffold.upgrade.answer_changes import described
from mlops_scaffold.upgrade.result import Outcome, commit_message, goes_back

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mlops_scaffold.errors import ScaffoldError
    from mlops_scaffold.upgrade.result import UpgradeResult
    from mlops_scaffold.upgrade.status import Difference, Differences, Status

_STYLES: Mapping[str, output.Style] = {
    "conflict": "red",
    "conflicts": "red",
    "failed": "red",
    "removed": "yellow",
    "kept": "yellow",
    "kept deleted": "yellow",
    "skipped": "yellow",
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
        if goes_back(old, new):
            output.line("This takes back:")
            output.line()
        output.line(changelog)
    output.line()


def print_result(result: UpgradeResult) -> None:
    """Print what happened to a project, after its opening."""
    if result.error:
        output.heading(result.project.name or str(result.project))
        output.error(result.error)
        return
    if result.outcome is Outcome.UP_TO_DATE:
        output.heading(f"{result.project.resolve().name}: up to date ({result.new})")
        return
    if result.changes:
        rows = [(c.verdict.value, _path(c.path, c.was), c.note) for c in result.changes]
        output.table(rows, flexible=2, styles=[_STYLES.get(row[0]) for row in rows])
        output.line(_count(result))
    if result.answers:
        answers = [("answer", described(each), each.note) for each in result.answers]
        styles: list[output.Style | None] = [
            "yellow" if each.replaced else None for each in result.answers
        ]
        output.table(answers, flexible=2, styles=styles)
    output.raw(result.diff)
    for path, blob in result.rescued.items():
        read = shell.git(result.project, "cat-file", "blob", blob)
        output.note(f"{path}: what you wrote there since is kept: {read}")
    for text in result.notes:
        output.note(text)
    for message in result.messages:
        output.line(message)
    _print_next(result)


def _print_next(result: UpgradeResult) -> None:
    """What to type next: each command does what it says where it is printed, and no more."""
    folder = result.project
    resume, abort = (shell.program("upgrade", folder, way) for way in ("--continue", "--abort"))
    match result.outcome:
        case Outcome.PREVIEW:
            output.line("A preview: nothing was touched. Without --dry-run, this is done.")
            if any(change.replaced for change in result.answers):
                output.line("It asks for the answers that no longer fit; -y takes these.")
        case Outcome.STAGED:
            message = commit_message(result.old, result.new)
            output.line("Staged, and not committed yet.")
            output.line(f"Look at it: {shell.git(folder, 'diff', '--cached', '--', '.')}")
            output.line(f"Keep it: {shell.git(folder, 'commit', '-m', message, '--', '.')}")
            output.line(f"Undo it: {abort}")
        case Outcome.COMMITTED:
            output.line(f"Committed as {result.commit}.")
        case Outcome.CONFLICTS:
            output.line("Resolve the conflicts: edit each file, then add it to the index.")
            output.line(f"Add it: {shell.git(folder, 'add', 'FILE')}")
            output.line(f"Then finish: {resume}")
            output.line(f"Or undo it all: {abort}")
        case Outcome.ABORTED:
            output.line("Undone: files and index are as they were.")


def print_results(results: Sequence[UpgradeResult]) -> None:
    """Print a table of what happened to each project of a fleet."""
    rows = [
        (str(result.project), result.outcome.value, _versions(result), _count(result))
        for result in results
    ]
    styles = [_STYLES.get(row[1]) for row in rows]
    output.line()
    output.results(("Project", "Outcome", "Version", "Files"), rows, styles)


def result_data(result: UpgradeResult) -> dict[str, Any]:
    """A result as data for JSON."""
    found: dict[str, Any] = {
        "project": str(result.project),
        "outcome": result.outcome.value,
        "from": result.old,
        "to": result.new,
        "changes": [
            {"path": _path(c.path, ""), "verdict": c.verdict.value, "was": c.was, "note": c.note}
            for c in result.changes
        ],
        "answers": [
            {"key": each.key, "was": each.was, "now": each.now, "note": each.note}
            for each in result.answers
        ],
        "messages": list(result.messages),
        "conflicts": [_path(path, "") for path in result.conflicts],
        "changelog": result.changelog,
        "commit": result.commit,
        "notes": list(result.notes),
    }
    if result.diff:
        found["diff"] = result.diff.decode(errors="replace")
    if result.error:
        found["error"] = {"message": result.error.message, "hint": result.error.hint}
    return found


def print_status(found: Status) -> None:
    """Print how a project differs from its template."""
    output.heading(found.project.resolve().name)
    newest = f", newest {found.newest}" if found.update else ", the newest"
    rows = [("version", f"{found.version}{newest}"), ("catalog", found.source)]
    if found.unfinished:
        rows.append(("unfinished", f"upgrade {found.unfinished}"))
    rows += [("answer", f"{key} = {value}") for key, value in sorted(found.answers.items())]
    rows += [("skip", pattern) for pattern in found.skip]
    rows += [(kind, _path(path, "")) for kind, paths in _changed(found).items() for path in paths]
    output.table(rows, flexible=1, styles=[_STYLES.get(row[0]) for row in rows])
    if found.unfinished:
        for way in ("--continue", "--abort"):
            output.line(f"Next: {shell.program('upgrade', found.project, way)}")
    elif found.update:
        output.line(f"Next: {shell.program('upgrade', found.project, '--dry-run')}")


def print_statuses(found: Sequence[Status], failed: Mapping[Path, ScaffoldError]) -> None:
    """Print a table of how the projects of a fleet differ from their templates."""
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
    return asdict(found.differences)


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
        "skip": list(found.skip),
        **_files_data(found.differences),
    }


def difference_data(found: Difference) -> dict[str, Any]:
    """The owner's changes as data for JSON."""
    return {
        "project": str(found.project),
        "version": found.version,
        **_files_data(found.files),
        "diff": found.text.decode(errors="replace"),
    }


def _files_data(found: Differences) -> dict[str, list[str]]:
    return {kind: [_path(path, "") for path in paths] for kind, paths in asdict(found).items()}


def failure_data(folder: Path, problem: ScaffoldError) -> dict[str, Any]:
    """A project that could not be compared, as data for JSON."""
    error = {"message": problem.message, "hint": problem.hint}
    return {"project": str(folder), "error": error}


def _versions(result: UpgradeResult) -> str:
    settled = result.outcome in {Outcome.UP_TO_DATE, Outcome.FAILED}
    return result.new if settled else _way(result.old, result.new)


def _way(old: str, new: str) -> str:
    if old == new:
        return f"{old}, other answers"
    return f"{old} -> {new}{', back to an older version' if goes_back(old, new) else ''}"


def _path(path: str, was: str) -> str:
    shown = f"{was} -> {path}" if was else path
    return shown.encode(errors="surrogateescape").decode(errors="replace")


def _count(result: UpgradeResult) -> str:
    if result.error:
        return result.error.message.splitlines()[0]
    counted = Counter(change.verdict.value for change in result.changes)
    return ", ".join(f"{count} {verdict}" for verdict, count in counted.items())
