"""Make a repository from a project: render next to the target, commit, move into place."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from mlops_scaffold.answers import FILE_NAME
from mlops_scaffold.catalog import copier_yml
from mlops_scaffold.catalog.loading import load
from mlops_scaffold.creation import first_commit
from mlops_scaffold.creation.target import (
    absolute,
    check_target,
    current_folder,
    existing_parent,
    move,
)
from mlops_scaffold.errors import ScaffoldError, UsageError
from mlops_scaffold.files import staging
from mlops_scaffold.render import names
from mlops_scaffold.render.render import render
from mlops_scaffold.source.opening import open_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from packaging.version import Version

    from mlops_scaffold.catalog.catalog import Catalog
    from mlops_scaffold.catalog.records import Project
    from mlops_scaffold.render.job import RenderResult
    from mlops_scaffold.source.base import Source, TemplateTree


class Git(Enum):
    """Whether a new project became a repository."""

    COMMITTED = "committed"
    INSIDE = "inside a repository"
    OFF = "off"
    MISSING = "not installed"


@dataclass(frozen=True)
class Request:
    """What to make.

    Attributes:
        project: Slug or number.
        directory: Its folder, which must not exist or be empty (default: named as the project).
        answers: Answers by key, short or full.
        version: Version of the catalog, like `1.2.0`; of a git repository also a branch, a commit
            or `HEAD` (default: the newest).
        catalog: A saved name, a folder, a URL or a shorthand (default: the built-in one).
        git: Make it a repository with one commit, unless it is inside another one.
        ask: Ask on the terminal what `answers` leaves open.
        dry_run: Render, but write nothing.
    """

    project: str
    directory: Path | None = None
    answers: Mapping[str, Any] = field(default_factory=dict)
    version: str | None = None
    catalog: str | None = None
    git: bool = True
    ask: bool = False
    dry_run: bool = False


@dataclass(frozen=True)
class RenderedFile:
    """A file of the new project; `path` is relative to it, with `/`."""

    path: str
    size: int  # bytes
    executable: bool


@dataclass(frozen=True)
class Created:
    """What was made, or would be made without `dry_run`.

    Attributes:
        project: Its slug.
        path: Its folder.
        url: The catalog.
        version: The catalog's version.
        answers: The final answers.
        files: What it holds.
        git: Whether it became a repository.
        messages: The template's messages to people.
        notes: Warnings about the catalog's version, a sentence each.
    """

    project: str
    path: Path
    url: str
    version: str
    answers: Mapping[str, Any]
    files: tuple[RenderedFile, ...]
    git: Git
    messages: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def create(request: Request, progress: Callable[[str], None] = lambda _: None) -> Created:
    """Make a repository.

    Args:
        request: What to make.
        progress: Called with the current step, in a few words.

    Raises:
        UsageError: No such project, or a name or an answer that does not fit.
        ScaffoldError: The target is in use, or the template or the disk fails.
        KeyboardInterrupt: It was interrupted. As with every error, nothing was made.
    """
    source = open_source(request.catalog)
    made: Created | None = None
    try:
        with source.tree(_wanted_version(source, request)) as tree:
            catalog = load(tree.root, name=tree.name)
            project = _find_project(catalog, request)
            named = _is_named(tree, catalog, project)
            answers = _complete_answers(request, catalog, project, named=named)
            target = _expected_target(request, answers, project, named=named)
            check_target(target)
            with _scratch_folder(request, target) as scratch:
                rendered = scratch / "rendered"
                progress(f"Rendering {project.slug} {tree.version}")
                result = _render(request, tree, answers, rendered, target, named=named)
                target = _final_target(request, target, result, rendered, named=named)
                found = _describe(request, tree, project, result, rendered, target)
                if not request.dry_run:
                    _commit(found, rendered, progress)
                    move(rendered, target, scratch)
                made = found
    except KeyboardInterrupt:
        if made is None:
            raise
    assert made is not None  # noqa: S101  # for the type checker
    return made


def _wanted_version(source: Source, request: Request) -> Version | None:
    return source.find(request.version) if request.version else None


def _find_project(known: Catalog, request: Request) -> Project:
    project = known.find(request.project)
    options = f" --catalog {shlex.quote(request.catalog)}" if request.catalog else ""
    if not project.has_template:
        nearest = known.nearest(project)
        raise ScaffoldError(
            f"{project.slug} has no template yet",
            hint=f"the nearest one that has: mlops-scaffold new {nearest.slug}{options}"
            if nearest
            else f"see the others: mlops-scaffold list{options}",
        )
    return project


def _is_named(tree: TemplateTree, catalog: Catalog, project: Project) -> bool:
    """Whether the project asks for `project_name`, and so follows our rules for it.

    A Copier template of its own may ask for something by that key, too, with rules of its own.
    """
    asked = copier_yml.questions(tree.root).get("project_name")
    return not catalog.standalone and asked is not None and asked.asked_by(project.slug)


def _complete_answers(
    request: Request, catalog: Catalog, project: Project, *, named: bool
) -> dict[str, Any]:
    """The request's answers, with the template, and the name that the folder suggests."""
    answers = dict(request.answers)
    if catalog.standalone:
        return answers
    if str(answers.setdefault("template", project.slug)) != project.slug:
        raise UsageError(
            f"the answer template={answers['template']} contradicts PROJECT, which is"
            f" {project.slug}",
            hint=f"leave the answer out, or: mlops-scaffold new {answers['template']}",
        )
    if not named:
        return answers
    if "project_name" not in answers and request.directory is not None:
        folder = absolute(request.directory).name
        answers["project_name"] = names.project_name_of(folder) or folder
    if "project_name" in answers:
        names.check_project_name(str(answers["project_name"]))
    return answers


def _expected_target(
    request: Request, answers: Mapping[str, Any], project: Project, *, named: bool
) -> Path:
    """The project's folder, unless the answer to a question still changes its name."""
    if request.directory is not None:
        return absolute(request.directory)
    name = answers.get("project_name", project.slug) if named else project.slug
    return current_folder() / str(name)


def _scratch_folder(request: Request, target: Path) -> AbstractContextManager[Path]:
    return staging.temporary() if request.dry_run else staging.beside(existing_parent(target))


def _render(  # noqa: PLR0913  # everything that a render needs
    request: Request,
    tree: TemplateTree,
    answers: Mapping[str, Any],
    into: Path,
    target: Path,
    *,
    named: bool,
) -> RenderResult:
    named_by_answer = request.directory is None and "project_name" not in answers
    parent = target.parent if named and named_by_answer else None
    folder = target.name if tree.standalone else "project"
    result = render(tree, answers, into, ask=request.ask, named=named, parent=parent, folder=folder)
    own_name = into / result.answers_file
    own_name.parent.mkdir(parents=True, exist_ok=True)
    (into / FILE_NAME).rename(own_name)
    return result


def _final_target(
    request: Request, expected: Path, result: RenderResult, rendered: Path, *, named: bool
) -> Path:
    """The project's folder, once its name is known and was checked."""
    if not named:
        check_target(expected)  # again: it may have been made since
        return expected
    name = str(result.answers.get("project_name", expected.name))
    names.check_project_name(name)
    names.check_dependencies(rendered, name)
    target = expected if request.directory else expected.with_name(name)
    check_target(target)  # as before
    return target


def _describe(  # noqa: PLR0913, PLR0917  # everything that is known
    request: Request,
    tree: TemplateTree,
    project: Project,
    result: RenderResult,
    rendered: Path,
    target: Path,
) -> Created:
    return Created(
        project=project.slug,
        path=target,
        url=tree.url,
        version=str(tree.version),
        answers=result.answers,
        files=tuple(_files(rendered)),
        git=_git_state(request, target),
        messages=result.messages,
        notes=tree.notes,
    )


def _git_state(request: Request, target: Path) -> Git:
    if not request.git:
        return Git.OFF
    if first_commit.inside_repository(existing_parent(target)):
        return Git.INSIDE
    return Git.COMMITTED if first_commit.possible() else Git.MISSING


def _commit(found: Created, rendered: Path, progress: Callable[[str], None]) -> None:
    if found.git is Git.COMMITTED:
        progress("Committing")
        message = f"Start from {found.project} {found.version}\n\n{found.url}\n"
        first_commit.make(rendered, message)


def _files(root: Path) -> Iterator[RenderedFile]:
    for path in sorted(root.rglob("*"), key=lambda path: path.relative_to(root).parts):
        if path.is_file():
            info = path.stat()
            name = path.relative_to(root).as_posix()
            yield RenderedFile(name, info.st_size, bool(info.st_mode & 0o100))
