"""One upgrade from beginning to end; and finishing or undoing one that waits."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from mlops_scaffold import answers as answers_file
from mlops_scaffold.errors import ConflictsLeftError, ExitCode, ScaffoldError
from mlops_scaffold.git import head
from mlops_scaffold.git import repo as upgrade_git
from mlops_scaffold.git.objects import scratch
from mlops_scaffold.source import changelog
from mlops_scaffold.source.base import UnreachableCatalogError
from mlops_scaffold.source.opening import recorded_version
from mlops_scaffold.upgrade import journal, renames
from mlops_scaffold.upgrade.answer_changes import changed_answers, check_changes, check_given
from mlops_scaffold.upgrade.apply import apply, perform, record_version, undo
from mlops_scaffold.upgrade.plan import merge
from mlops_scaffold.upgrade.preflight import listed
from mlops_scaffold.upgrade.snapshot import dirty, read_index

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from packaging.version import Version

    from mlops_scaffold.answers import Recorded
    from mlops_scaffold.git.objects import Scratch
    from mlops_scaffold.git.repo import Repo
    from mlops_scaffold.source.base import Source
    from mlops_scaffold.upgrade.answer_changes import AnswerChange
    from mlops_scaffold.upgrade.model import Change, Plan
    from mlops_scaffold.upgrade.renders import Renders


class Outcome(StrEnum):
    """How an upgrade ended."""

    UP_TO_DATE = "up to date"
    PREVIEW = "preview"
    STAGED = "staged"
    COMMITTED = "committed"
    CONFLICTS = "conflicts"
    ABORTED = "aborted"
    FAILED = "failed"


@dataclass(frozen=True)
class UpgradeRequest:
    """What is asked of an upgrade."""

    to: str = ""  # a version; the newest if empty
    catalog: str = ""  # where the catalog is now, if it moved
    answers: Mapping[str, Any] = field(default_factory=dict)
    ask: bool = False
    accept_defaults: bool = False  # also in the place of answers that no longer fit
    dry_run: bool = False
    diff: bool = False
    colour: bool = False  # of the diff
    commit: bool = False
    branch: str = ""


@dataclass(frozen=True)
class UpgradeResult:
    """What an upgrade did, or would do."""

    project: Path
    outcome: Outcome
    old: str = ""
    new: str = ""
    changes: tuple[Change, ...] = ()
    conflicts: tuple[str, ...] = ()  # paths of the project
    changelog: str = ""
    diff: bytes = b""
    commit: str = ""
    answers: tuple[AnswerChange, ...] = ()
    messages: tuple[str, ...] = ()  # what the template has to say
    rescued: Mapping[str, str] = field(default_factory=dict)  # path -> git blob
    error: ScaffoldError | None = None

    @property
    def exit_code(self) -> ExitCode:
        """What the command line ends with."""
        if self.error:
            return self.error.exit_code
        return ExitCode.CONFLICTS if self.conflicts else ExitCode.OK


def upgrade(
    project: Path,
    request: UpgradeRequest,
    renders: Renders,
    *,
    announce: Callable[[str, str, str], None] = lambda _old, _new, _changelog: None,
    progress: Callable[[str], None] = lambda _: None,
) -> UpgradeResult:
    """Bring one project to another version, or other answers.

    Args:
        project: Its folder.
        request: What is asked.
        renders: Shared with the other projects of the run.
        announce: Told both versions and what changed between them, before anything is asked or
            done; not called for a project that is up to date.
        progress: Told what is being done, in a few words.

    Raises:
        ScaffoldError: It can't be done; nothing was touched.
    """
    check_given(request.answers)
    recorded = answers_file.read(project)
    repo = upgrade_git.open_repo(project)
    with ExitStack() as held:
        if not request.dry_run:
            held.enter_context(journal.lock(repo))
        _refuse_unfinished(repo)
        if not request.dry_run:
            journal.sweep(repo)  # of one that was killed when all was done
        before_source, source = _sources(recorded, request, renders)
        old, new = _versions(recorded, request, before_source, source)
        nothing_new = UpgradeResult(project, Outcome.UP_TO_DATE, str(old), str(new))
        moved = source.url != recorded.url
        if old == new and not request.answers and not moved:
            return nothing_new
        _refuse_dirty(repo)
        branch = head.branch(repo, request.branch) if request.branch else ""
        tree, base = renders.tree(source, new), renders.tree(before_source, old)
        carried = renames.follow(base, tree, recorded.answers)
        news = changelog.between(
            _read(tree.root / "CHANGELOG.md"),
            old,
            new,
            template=str(carried.get("template", "")),
            templates=[path.name for path in tree.root.glob("templates/*")],
        )
        if old != new:
            announce(str(old), str(new), news)
        progress(f"Rendering {old} and {new}")
        before = renders.render(base, recorded.answers)
        after = renders.render(tree, carried, request.answers, ask=request.ask)
        answers = changed_answers(carried, renames.follow(base, tree, before.answers), after)
        agreed = request.ask or request.accept_defaults or request.dry_run
        check_changes(answers, after, agreed=agreed, standalone=tree.standalone)
        if old == new and before.answers == after.answers and not moved:
            return nothing_new
        if old == new:
            announce(str(old), str(new), news)
        progress("Merging")
        store = held.enter_context(scratch(repo))
        labels = _labels(old, new)
        plan = merge(repo, store, before.folder, after.folder, labels=labels)
        report = UpgradeResult(
            project,
            Outcome.PREVIEW,
            str(old),
            str(new),
            plan.changes,
            tuple(path.removeprefix(repo.prefix) for path in plan.conflicts),
            news,
            show(repo, store, plan, colour=request.colour) if request.diff else b"",
            answers=answers,
            messages=after.result.messages,
        )
        if request.dry_run:
            return report
        apply(repo, store, plan, versions=(str(old), str(new)), branch=branch)
        return _finished(repo, report, plan, commit=request.commit or bool(branch))


def resume(project: Path, *, commit: bool = False) -> UpgradeResult:
    """Finish an upgrade whose conflicts were resolved, or that was killed.

    Raises:
        ConflictsLeftError: Some are not; they are named.
        ScaffoldError: There is no unfinished upgrade, or only `abort` can end it.
    """
    repo = upgrade_git.open_repo(project)
    with journal.lock(repo):
        begun = _begun(repo)
        if begun.phase == journal.UNDOING:
            raise ScaffoldError(
                "the upgrade was being undone when it was interrupted",
                hint="finish that: mlops-scaffold upgrade --abort",
            )
        if begun.phase == journal.APPLYING:
            perform(repo, begun)
            if begun.conflicts:
                raise _conflicts(repo, begun.conflicts)
        else:
            _refuse_unresolved(repo, begun)
            record_version(repo, begun)
            journal.forget(repo)
        done = ""
        if commit:
            done = head.commit(repo, dirty(repo), _message(begun.old, begun.new))
        outcome = Outcome.COMMITTED if done else Outcome.STAGED
        return UpgradeResult(project, outcome, begun.old, begun.new, commit=done)


def abort(project: Path) -> UpgradeResult:
    """Undo an unfinished upgrade: files and index are as before it.

    Raises:
        ScaffoldError: There is none.
    """
    repo = upgrade_git.open_repo(project)
    with journal.lock(repo):
        begun = _begun(repo)
        rescued = undo(repo, begun)
        return UpgradeResult(project, Outcome.ABORTED, begun.new, begun.old, rescued=rescued)


def show(repo: Repo, store: Scratch, plan: Plan, *, colour: bool = False) -> bytes:
    """The plan's changes to tracked files, as `git diff` shows them."""
    command = ["diff", "--no-ext-diff", "--no-textconv", "-M", "--full-index"]
    command += [f"--color={'always' if colour else 'never'}"]
    command += [f"--relative={repo.prefix}"] if repo.prefix else []
    return repo.run(*command, plan.before, plan.after, "--", env=store.env)


def _sources(
    recorded: Recorded, request: UpgradeRequest, renders: Renders
) -> tuple[Source, Source]:
    """Where the recorded version and the wanted one come from.

    A catalog that moved has the recorded version, too. One that takes over from another has not:
    then the recorded catalog gives it.
    """
    if not request.catalog:
        source = renders.source(recorded)
        return source, source
    source = renders.open(request.catalog)
    try:
        source.find(recorded.version_text)
    except UnreachableCatalogError:
        raise
    except ScaffoldError as unknown:
        try:
            return renders.source(recorded), source
        except UnreachableCatalogError:
            raise unknown from None
    return source, source


def _versions(
    recorded: Recorded, request: UpgradeRequest, before: Source, source: Source
) -> tuple[Version, Version]:
    old = recorded_version(before, recorded)
    new = source.find(request.to) if request.to else max(old, source.newest())
    if new < old:
        raise ScaffoldError(
            f"the project is at {old}; {new} is older, and upgrades only go forward",
            hint="to go back, revert the upgrade's commit: git revert COMMIT",
        )
    return old, new


def _labels(old: Version, new: Version) -> tuple[str, str]:
    """What conflict markers call the two sides of the template."""
    return f"template v{old}", f"template v{new}" + (", other answers" if old == new else "")


def _finished(repo: Repo, report: UpgradeResult, plan: Plan, *, commit: bool) -> UpgradeResult:
    if plan.conflicts:
        return replace(report, outcome=Outcome.CONFLICTS)
    if not commit:
        return replace(report, outcome=Outcome.STAGED)
    done = head.commit(repo, plan.stages, _message(report.old, report.new))
    return replace(report, outcome=Outcome.COMMITTED, commit=done)


def _message(old: str, new: str) -> str:
    if old == new:
        return f"Change answers of the template {new}"
    return f"Upgrade the template from {old} to {new}"


def _begun(repo: Repo) -> journal.State:
    begun = journal.load(repo)
    if begun is None:
        journal.sweep(repo)
        raise ScaffoldError(
            f"no upgrade is unfinished in {repo.project}",
            hint="start one: mlops-scaffold upgrade",
        )
    return begun


def _refuse_unfinished(repo: Repo) -> None:
    begun = journal.load(repo)
    if begun:
        raise ScaffoldError(
            f"the upgrade from {begun.old} to {begun.new} is not finished",
            hint="mlops-scaffold upgrade --continue, or --abort to undo it",
        )
    doing = upgrade_git.unfinished(repo)
    if doing:
        raise ScaffoldError(
            f"a {doing} is in progress in {repo.top}",
            hint=f"finish it first: git {doing} --continue, or --abort",
        )


def _refuse_dirty(repo: Repo) -> None:
    changed = dirty(repo)
    if changed:
        raise ScaffoldError(
            f"these files have changes that are not committed:\n{listed(changed)}",
            hint="commit them first: git commit -a, or put them aside: git stash",
        )


def _refuse_unresolved(repo: Repo, begun: journal.State) -> None:
    """Every conflict must be resolved, and the upgrade still there."""
    index = read_index(repo)
    marked = {path for path in begun.conflicts if _has_markers(repo.top / path)}
    left = sorted({*index.unmerged, *marked})
    if left:
        raise _conflicts(repo, left)
    before = {path: (mode, oid) for path, mode, oid in begun.index}
    clean = [path for path in begun.paths if path not in begun.conflicts]
    if clean and all(index.entries.get(path) == before.get(path) for path in clean):
        raise ScaffoldError(
            "nothing of the upgrade is left: its changes were taken back",
            hint="end it: mlops-scaffold upgrade --abort",
        )


def _conflicts(repo: Repo, paths: tuple[str, ...] | list[str]) -> ConflictsLeftError:
    inside = [path.removeprefix(repo.prefix) for path in paths]
    return ConflictsLeftError(
        f"conflicts are left in:\n{listed(inside)}",
        hint="edit each file, then: git add FILE (or git rm FILE), then: "
        "mlops-scaffold upgrade --continue",
    )


def _has_markers(file: Path) -> bool:
    if file.is_symlink() or not file.is_file():
        return False
    starts = (b"<<<<<<< yours", b">>>>>>> template v")
    return any(line.startswith(starts) for line in file.read_bytes().splitlines())


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
