"""One upgrade from beginning to end, as a list of steps.

read -> lock -> choose_versions -> check_ready -> open_templates -> render -> merge -> make_plan ->
apply -> record. Each takes and returns frozen values; only `apply` and `record` write.
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
from mlops_scaffold.source.base import UnreachableCatalogError
from mlops_scaffold.source.opening import recorded_version
from mlops_scaffold.upgrade import journal, preflight, renames
from mlops_scaffold.upgrade.answer_changes import changed_answers, check_changes, check_given
from mlops_scaffold.upgrade.apply import apply
from mlops_scaffold.upgrade.journal import Phase
from mlops_scaffold.upgrade.merge import Sides, merge
from mlops_scaffold.upgrade.plan import make_plan
from mlops_scaffold.upgrade.renders import Place
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
    from mlops_scaffold.source.base import Source, TemplateTree
    from mlops_scaffold.upgrade.answer_changes import AnswerChange
    from mlops_scaffold.upgrade.model import Plan
    from mlops_scaffold.upgrade.renders import Rendered, Renders


@dataclass(frozen=True)
class Project:
    """A generated project as it stands."""

    folder: Path
    recorded: Recorded
    repo: Repo


@dataclass(frozen=True)
class Versions:
    """From which version to which, and what else changes."""

    old: Version
    new: Version
    old_source: Source
    new_source: Source  # another one if the catalog moved
    skip: tuple[str, ...]  # files to leave alone, from now on
    settings_change: bool  # of the catalog or the skipped files

    @property
    def texts(self) -> tuple[str, str]:
        """Both versions as text."""
        return str(self.old), str(self.new)


@dataclass(frozen=True)
class Ready:
    """What the preflight found."""

    index: Index
    branch: str  # to create, full name; "" for none
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Templates:
    """The template at both versions."""

    old: TemplateTree
    new: TemplateTree
    answers: Mapping[str, Any]  # the recorded ones, by the names of the new version
    changelog: str


@dataclass(frozen=True)
class Rendering:
    """Both versions, rendered."""

    old: Rendered
    new: Rendered
    answers: tuple[AnswerChange, ...]


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
        nothing_new = UpgradeResult(folder, Outcome.UP_TO_DATE, *versions.texts)
        ready = check_ready(project, request, versions)
        if ready is None:
            return nothing_new
        templates = open_templates(project, request, versions, renders)
        if versions.old != versions.new:
            announce(*versions.texts, templates.changelog)
        progress(f"Rendering {versions.old} and {versions.new}")
        rendering = render(project, request, versions, templates, renders)
        if rendering is None:
            return nothing_new
        if versions.old == versions.new:
            announce(*versions.texts, templates.changelog)
        progress("Merging")
        store = held.enter_context(scratch(project.repo))
        merged = merge(project.repo, store, ready.index, _sides(project, versions, rendering))
        plan = make_plan(project.repo, ready.index, merged)
        preview = UpgradeResult(
            folder,
            Outcome.PREVIEW,
            *versions.texts,
            changes=plan.changes,
            conflicts=tuple(map(project.repo.inside, plan.conflicts)),
            changelog=templates.changelog,
            diff=show(project.repo, store, plan, colour=request.colour) if request.diff else b"",
            answers=rendering.answers,
            messages=rendering.new.result.messages,
            notes=ready.notes,
        )
        if request.dry_run:
            return preview
        apply(project.repo, store, plan, versions=versions.texts, branch=ready.branch)
        return record(project, request, plan, preview)


def read(folder: Path, request: UpgradeRequest) -> Project:
    """Read what the project records, and open its repository.

    Raises:
        ScaffoldError: It is not a generated project, or not under git.
    """
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
        ScaffoldError: One of them is unknown, or the catalog can't be reached.
    """
    recorded = project.recorded
    old_source, new_source = _sources(recorded, request, renders)
    old = recorded_version(old_source, recorded)
    wanted = dict.fromkeys((*recorded.skip, *request.skip))
    skip = tuple(pattern for pattern in wanted if pattern not in request.unskip)
    return Versions(
        old=old,
        new=new_source.find(request.to) if request.to else max(old, new_source.newest()),
        old_source=old_source,
        new_source=new_source,
        skip=skip,
        settings_change=new_source.url != recorded.url or skip != recorded.skip,
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
    if versions.old == versions.new and not request.answers and not versions.settings_change:
        return None
    preflight.check_committed(repo, index)
    return Ready(index, head.branch(repo, request.branch) if request.branch else "", notes)


def open_templates(
    project: Project, request: UpgradeRequest, versions: Versions, renders: Renders
) -> Templates:
    """Open the template at both versions.

    Raises:
        ScaffoldError: It can't be read, or the new version has no such project.
        UsageError: An answer is given that no upgrade can change.
    """
    old = renders.tree(versions.old_source, versions.old)
    new = renders.tree(versions.new_source, versions.new)
    if not new.standalone:
        check_given(request.answers)
    answers = renames.follow(old, new, project.recorded.answers)
    newer = (old if versions.new < versions.old else new).root
    file = newer / "CHANGELOG.md"
    news = changelog.between(
        file.read_text(encoding="utf-8", errors="replace") if file.is_file() else "",
        *sorted((versions.old, versions.new)),
        template=str(answers.get("template", "")),
        templates=[path.name for path in newer.glob("templates/*")],
    )
    return Templates(old, new, answers, news)


def render(
    project: Project,
    request: UpgradeRequest,
    versions: Versions,
    templates: Templates,
    renders: Renders,
) -> Rendering | None:
    """Render both versions; None if they, and all that is recorded, are the same.

    Raises:
        ScaffoldError: The template fails.
        UsageError: An answer does not fit.
    """
    if not templates.new.standalone:
        check_given(request.answers)
    place = Place.of(project.folder, project.recorded)
    old = renders.render(templates.old, project.recorded.answers, place=place)
    new = renders.render(
        templates.new, templates.answers, request.answers, ask=request.ask, place=place
    )
    before = renames.follow(templates.old, templates.new, old.answers)
    changes = changed_answers(templates.answers, before, new)
    agreed = request.ask or request.accept_defaults or request.dry_run
    standalone = templates.new.standalone
    check_changes(changes, new, project.folder, agreed=agreed, standalone=standalone)
    same = versions.old == versions.new and old.answers == new.answers
    return None if same and not versions.settings_change else Rendering(old, new, changes)


def record(
    project: Project, request: UpgradeRequest, plan: Plan, result: UpgradeResult
) -> UpgradeResult:
    """Commit what was applied, if that is asked for and no conflict is left.

    Raises:
        ScaffoldError: It is staged, but can't be committed.
    """
    if plan.conflicts:
        return replace(result, outcome=Outcome.CONFLICTS)
    if not (request.commit or request.branch):
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


def _sides(project: Project, versions: Versions, rendering: Rendering) -> Sides:
    """What to merge."""
    rendered = (rendering.new.folder / answers_file.FILE_NAME).read_text(encoding="utf-8")
    text = answers_file.with_skip(rendered, versions.skip) if versions.skip else rendered
    other = ", other answers" if versions.old == versions.new else ""
    once = {path for side in (rendering.old, rendering.new) for path in side.result.once}
    return Sides(
        base=rendering.old.folder,
        new=rendering.new.folder,
        record_text=text.encode(),
        labels=Labels(f"template v{versions.old}", f"template v{versions.new}{other}"),
        skips=Skips(versions.skip, frozenset(once)),
        answers_file=project.recorded.name,
    )


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
