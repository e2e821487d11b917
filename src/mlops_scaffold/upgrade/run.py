"""One upgrade from beginning to end, as a list of steps.

read -> lock -> choose_versions -> check_ready -> read_changelog -> render -> merge -> make_plan ->
preview -> apply -> record. Each takes and returns frozen values; only `apply` and `record` write.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mlops_scaffold import answers as answers_file
from mlops_scaffold import shell
from mlops_scaffold.errors import ScaffoldError
from mlops_scaffold.git import head
from mlops_scaffold.git.index import read_index
from mlops_scaffold.git.objects import scratch
from mlops_scaffold.git.repo import open_repo
from mlops_scaffold.source import changelog
from mlops_scaffold.source.base import parse_version
from mlops_scaffold.upgrade import journal, preflight
from mlops_scaffold.upgrade.answer_changes import (
    AnswerChange,
    changed_answers,
    check_changes,
    check_given,
)
from mlops_scaffold.upgrade.apply import apply
from mlops_scaffold.upgrade.journal import Phase
from mlops_scaffold.upgrade.merge import Sides, merge
from mlops_scaffold.upgrade.plan import make_plan
from mlops_scaffold.upgrade.result import (
    Outcome,
    UpgradeRequest,
    UpgradeResult,
    commit_message,
)
from mlops_scaffold.upgrade.skip import Skips
from mlops_scaffold.upgrade.trees import Labels
from mlops_scaffold.upgrade.validity import why_gone

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from packaging.version import Version

    from mlops_scaffold.answers import Recorded
    from mlops_scaffold.git.index import Index
    from mlops_scaffold.git.objects import Scratch
    from mlops_scaffold.git.repo import Repo
    from mlops_scaffold.upgrade.model import Plan
    from mlops_scaffold.upgrade.renders import Renders


@dataclass(frozen=True)
class Project:
    """A generated project as it stands."""

    folder: Path
    recorded: Recorded
    repo: Repo


@dataclass(frozen=True)
class Ready:
    """What the preflight found."""

    index: Index
    branch: str  # to create, full name; "" for none
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Renderings:
    """Both versions as rendered, and what that means for the recorded answers."""

    sides: Sides
    answers: tuple[AnswerChange, ...]
    messages: tuple[str, ...]  # what the template has to say


@dataclass(frozen=True)
class Versions:
    """From which version to which, and what else changes."""

    old: Version
    new: Version
    answers: Mapping[str, Any]  # given for this upgrade
    skip: tuple[str, ...]  # files to leave alone, from now on

    @property
    def texts(self) -> tuple[str, str]:
        """Both versions as text."""
        return str(self.old), str(self.new)


def upgrade(
    folder: Path,
    request: UpgradeRequest,
    renders: Renders,
    *,
    announce: Callable[[str, str, str], None] = lambda _old, _new, _changelog: None,
    progress: Callable[[str], None] = lambda _: None,
) -> UpgradeResult:
    """Bring one project to another version, or other answers.

    Args:
        folder: Of the project.
        request: What is asked.
        renders: Shared with the other projects of the run.
        announce: Called with both versions and what changed between them, before anything is asked
            or done; not called for a project that is up to date.
        progress: Called with what is being done, in a few words.

    Raises:
        ScaffoldError: It can't be done; nothing was touched.
    """
    project = read(folder, request)
    with ExitStack() as held:
        lock(project, request, held)
        versions = choose_versions(project, request, renders)
        ready = check_ready(project, request, versions)
        if ready is None:
            return _up_to_date(folder, versions)
        news = read_changelog(project, versions, renders)
        if versions.old != versions.new:
            announce(*versions.texts, news)
        progress(f"Rendering {versions.old} and {versions.new}")
        rendered = render(project, versions, request, renders)
        if rendered is None:
            return _up_to_date(folder, versions)
        if versions.old == versions.new:
            announce(*versions.texts, news)
        progress("Merging")
        store = held.enter_context(scratch(project.repo))
        merged = merge(project.repo, store, ready.index, rendered.sides)
        plan = make_plan(project.repo, ready.index, merged)
        result = preview(project, request, versions, plan, store)
        result = replace(
            result,
            changelog=news,
            notes=ready.notes,
            answers=rendered.answers,
            messages=rendered.messages,
        )
        if request.dry_run:
            return result
        apply(project.repo, store, plan, versions=versions.texts, branch=ready.branch)
        return record(project, request, ready, plan, result)


def read(folder: Path, request: UpgradeRequest) -> Project:
    """Read what the project records, and open its repository.

    Raises:
        ScaffoldError: It is not a generated project, or not under git.
        UsageError: An answer is given that no upgrade can change.
    """
    check_given(request.answers)
    recorded = answers_file.read(folder, request.answers_file)
    return Project(folder, recorded, open_repo(folder))


def lock(project: Project, request: UpgradeRequest, held: ExitStack) -> None:
    """Keep other upgrades out, unless this one only looks.

    Raises:
        ScaffoldError: Another one is running.
    """
    if not request.dry_run:
        held.enter_context(journal.lock(project.repo))
        journal.sweep(project.repo)  # of one that was killed when all was done


def choose_versions(project: Project, request: UpgradeRequest, renders: Renders) -> Versions:
    """Decide from which version to which.

    Raises:
        ScaffoldError: One of them is unknown.
    """
    recorded = project.recorded
    source = renders.source(recorded)
    known = source.versions()
    old = parse_version(recorded.version_text, known)
    new = parse_version(request.to, known) if request.to else max(old, known[-1])
    skip = dict.fromkeys((*recorded.skip, *request.skip))
    return Versions(
        old=old,
        new=new,
        answers=request.answers,
        skip=tuple(pattern for pattern in skip if pattern not in request.unskip),
    )


def check_ready(project: Project, request: UpgradeRequest, versions: Versions) -> Ready | None:
    """Check that nothing is in the way; None if there is nothing to do.

    Raises:
        ScaffoldError: An upgrade is unfinished, or the project is not committed.
    """
    repo = project.repo
    notes = _check_journal(repo, request)
    preflight.check_no_operation(repo)
    index = read_index(repo)
    preflight.check_tracked(repo, index)
    unchanged = versions.skip == project.recorded.skip and not versions.answers
    if versions.old == versions.new and unchanged:
        return None
    preflight.check_committed(repo, index)
    return Ready(index, head.branch(repo, request.branch) if request.branch else "", notes)


def read_changelog(project: Project, versions: Versions, renders: Renders) -> str:
    """What changed in the template between the two versions; on the way back, what is undone."""
    old, new = sorted((versions.old, versions.new))
    tree = renders.tree(renders.source(project.recorded), new)
    file = tree.root / "CHANGELOG.md"
    text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
    return changelog.between(
        text,
        old,
        new,
        template=str(project.recorded.answers.get("template", "")),
        templates=[path.name for path in tree.root.glob("templates/*")],
    )


def render(
    project: Project, versions: Versions, request: UpgradeRequest, renders: Renders
) -> Renderings | None:
    """Render both versions; None if they are the same.

    Raises:
        ScaffoldError: The template fails.
        UsageError: An answer does not fit, or no longer fits and nobody agreed to another.
    """
    recorded = project.recorded
    source = renders.source(recorded)
    old, new = versions.old, versions.new
    before = renders.render(renders.tree(source, old), recorded.answers)
    tree = renders.tree(source, new)
    after = renders.render(tree, recorded.answers, versions.answers, ask=request.ask)
    answers = changed_answers(recorded.answers, before, after)
    agreed = request.ask or request.accept_defaults or request.dry_run
    check_changes(answers, after, agreed=agreed)
    same = old == new and before.answers == after.answers
    if same and versions.skip == recorded.skip:
        return None
    rendered = (after.folder / answers_file.FILE_NAME).read_text(encoding="utf-8")
    text = answers_file.with_skip(rendered, versions.skip) if versions.skip else rendered
    sides = Sides(
        base=before.folder,
        new=after.folder,
        labels=Labels(
            f"template v{old}", f"template v{new}" + (", other answers" if old == new else "")
        ),
        skips=Skips(versions.skip),
        answers_file=request.answers_file,
        record_text=text.encode(),
    )
    return Renderings(sides, answers, after.result.messages)


def preview(
    project: Project, request: UpgradeRequest, versions: Versions, plan: Plan, store: Scratch
) -> UpgradeResult:
    """What the plan will do, for people and programs."""
    old, new = versions.texts
    return UpgradeResult(
        project.folder,
        Outcome.PREVIEW,
        old,
        new,
        changes=plan.changes,
        conflicts=tuple(map(project.repo.inside, plan.conflicts)),
        diff=show(project.repo, store, plan, colour=request.colour) if request.diff else b"",
    )


def record(
    project: Project, request: UpgradeRequest, ready: Ready, plan: Plan, result: UpgradeResult
) -> UpgradeResult:
    """Commit what was applied, if that is asked for and no conflict is left.

    Raises:
        ScaffoldError: It is staged, but can't be committed.
    """
    if plan.conflicts:
        return replace(result, outcome=Outcome.CONFLICTS)
    if not (request.commit or ready.branch):
        return replace(result, outcome=Outcome.STAGED)
    message = commit_message(result.old, result.new)
    done = head.commit(project.repo, plan.stages, message)
    journal.forget(project.repo)
    return replace(result, outcome=Outcome.COMMITTED, commit=done)


def show(repo: Repo, store: Scratch, plan: Plan, *, colour: bool = False) -> bytes:
    """The plan's changes to tracked files, as `git diff` shows them."""
    command = ["diff", "--no-ext-diff", "--no-textconv", "-M", "--full-index"]
    command += [f"--color={'always' if colour else 'never'}"]
    command += [f"--relative={repo.prefix}"] if repo.prefix else []
    return repo.run(*command, plan.before, plan.after, "--", env=store.env)


def _check_journal(repo: Repo, request: UpgradeRequest) -> tuple[str, ...]:
    """Refuse if an upgrade is unfinished; forget one that is gone, and say so."""
    found = journal.load(repo)
    if found is None or found[0] is Phase.DONE:
        return ()
    phase, begun = found
    reason = why_gone(repo, phase, begun)
    if not reason:
        resume, abort = (
            shell.program("upgrade", repo.folder, way) for way in ("--continue", "--abort")
        )
        raise ScaffoldError(
            f"the upgrade from {begun.old} to {begun.new} is not finished",
            hint=f"finish it: {resume}; or undo it: {abort}",
        )
    if not request.dry_run:
        journal.forget(repo)
    return (f"the unfinished upgrade from {begun.old} to {begun.new} was forgotten: {reason}",)


def _up_to_date(folder: Path, versions: Versions) -> UpgradeResult:
    return UpgradeResult(folder, Outcome.UP_TO_DATE, *versions.texts)
