"""Making a repository from a project: render beside the target, commit, move into place."""

from __future__ import annotations

import contextlib
import os
import shlex
import tempfile
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_scaffold.catalog import copier_yml
from mlops_scaffold.catalog.loading import load
from mlops_scaffold.creation import first_commit
from mlops_scaffold.errors import ScaffoldError, UsageError
from mlops_scaffold.files import staging
from mlops_scaffold.render import names
from mlops_scaffold.render.render import render
from mlops_scaffold.source.opening import open_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mlops_scaffold.catalog.catalog import Catalog
    from mlops_scaffold.catalog.copier_yml import Entry
    from mlops_scaffold.catalog.records import Project

_SHOWN = 8


class Git(Enum):
    """What became of git in a new project."""

    COMMITTED = "committed"
    INSIDE = "inside a repository"
    OFF = "off"
    MISSING = "not installed"


@dataclass(frozen=True)
class Request:
    """What to make.

    Attributes:
        project: Slug or number.
        directory: Where to; it must not exist, or be empty (default: named as the project).
        answers: Answers by key, short or full.
        version: Version of the catalog, like `1.2.0`; of a git repository also a branch, a commit
            or `HEAD` (default: the newest).
        catalog: A saved name, a folder, a URL or a shorthand (default: the built-in one).
        git: Make it a repository with one commit, unless it lies in one.
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
    """What was made (or, in a dry run, would be)."""

    project: str
    path: Path
    url: str
    version: str
    answers: Mapping[str, Any]
    files: tuple[RenderedFile, ...]
    git: Git
    notes: tuple[str, ...] = ()  # what to know about the catalog's version, a sentence each


def create(request: Request, progress: Callable[[str], None] = lambda _: None) -> Created:
    """Make a repository.

    Args:
        request: What to make.
        progress: Told what is being done, in a few words.

    Raises:
        UsageError: No such project, a name or an answer that won't do.
        ScaffoldError: The target is in use, or the template or the disk fails. In every case
            nothing has been written.
    """
    source = open_source(request.catalog)
    version = source.find(request.version) if request.version else None
    with source.tree(version) as tree:
        catalog = load(tree.root, name=tree.name)
        project = _project(catalog, request.project, request.catalog)
        questions = copier_yml.questions(tree.root)
        named = _is_named(catalog, project, questions)
        answers = _answers(request, catalog, project, named=named)
        expected = _expected_target(request, answers, project, named=named)
        check_target(expected)
        with _workplace(request, expected) as place:
            rendered = place / "rendered"
            progress(f"Rendering {project.slug} {tree.version}")
            final = render(tree, answers, rendered, ask=request.ask)
            target = expected
            if named:
                name = str(final.get("project_name", project.slug))
                names.check_project_name(name)
                names.check_dependencies(rendered, name)
                target = expected if request.directory else expected.with_name(name)
            check_target(target)
            files = tuple(_files(rendered))
            git = _git_state(request, target)
            if not request.dry_run:
                if git is Git.COMMITTED:
                    progress("Committing")
                    message = f"Start from {project.slug} {tree.version}\n\n{tree.url}\n"
                    first_commit.make(rendered, message)
                _move(rendered, place, target)
        return Created(
            project.slug, target, tree.url, str(tree.version), final, files, git, tree.notes
        )


def check_target(target: Path) -> None:
    """Refuse a folder that can't become the project, and say what is in the way.

    Raises:
        UsageError: It can't be named so.
        ScaffoldError: Something is there, or nothing can be written there.
    """
    names.check_folder_name(target.name)
    other = "choose another folder: mlops-scaffold new PROJECT DIR"
    if target.is_symlink():
        raise ScaffoldError(f"{target} is a symbolic link", hint=other)
    if target.is_dir():
        with contextlib.suppress(PermissionError):
            if held := sorted(path.name for path in target.iterdir()):
                more = f" and {len(held) - _SHOWN} more" if len(held) > _SHOWN else ""
                listed = ", ".join(held[:_SHOWN]) + more
                raise ScaffoldError(f"{target} is not empty: it holds {listed}", hint=other)
    elif target.exists():
        raise ScaffoldError(f"{target} is a file", hint=other)
    above = _existing_above(target)
    if not above.is_dir():
        raise ScaffoldError(f"{above} is a file, so nothing can be made in it", hint=other)
    if not os.access(above, os.W_OK | os.X_OK):
        raise ScaffoldError(f"cannot write in {above}", hint=other)


def _project(known: Catalog, wanted: str, spec: str | None) -> Project:
    project = known.find(wanted)
    options = f" --catalog {shlex.quote(spec)}" if spec else ""
    if not project.has_template:
        nearest = known.nearest(project)
        raise ScaffoldError(
            f"{project.slug} has no template yet",
            hint=f"the nearest that has: mlops-scaffold new {nearest.slug}{options}"
            if nearest
            else "see what there is: mlops-scaffold list",
        )
    return project


def _is_named(catalog: Catalog, project: Project, questions: Mapping[str, Entry]) -> bool:
    """Whether the project asks for `project_name`, and so follows our rules for it.

    A Copier template of its own may ask for something by that key, too, with rules of its own.
    """
    asked = questions.get("project_name")
    return not catalog.standalone and asked is not None and asked.asked_by(project.slug)


def _answers(
    request: Request, catalog: Catalog, project: Project, *, named: bool
) -> dict[str, Any]:
    """The request's answers, with the template and the name that the folder suggests."""
    answers = dict(request.answers)
    if catalog.standalone:
        return answers
    if str(answers.setdefault("template", project.slug)) != project.slug:
        raise UsageError(
            f"-d template={answers['template']} contradicts PROJECT, which is {project.slug}",
            hint=f"mlops-scaffold new {answers['template']}",
        )
    if not named:
        return answers
    if "project_name" not in answers and request.directory is not None:
        folder = _absolute(request.directory).name
        answers["project_name"] = names.project_name_of(folder) or folder
    if "project_name" in answers:
        names.check_project_name(str(answers["project_name"]))
    return answers


def _expected_target(
    request: Request, answers: Mapping[str, Any], project: Project, *, named: bool
) -> Path:
    """Where it goes, unless the answer to a question still changes its name."""
    if request.directory is not None:
        return _absolute(request.directory)
    name = answers.get("project_name", project.slug) if named else project.slug
    return Path.cwd() / str(name)


def _absolute(path: Path) -> Path:
    # Not resolved: a symbolic link in its place is to be refused, not followed.
    return Path(os.path.abspath(path))  # noqa: PTH100


@contextlib.contextmanager
def _workplace(request: Request, target: Path) -> Iterator[Path]:
    if request.dry_run:
        with tempfile.TemporaryDirectory(prefix="mlops-scaffold-") as folder:
            yield Path(folder)
    else:
        with staging.beside(_existing_above(target)) as folder:
            yield folder


def _existing_above(target: Path) -> Path:
    return next(folder for folder in target.parents if os.path.lexists(folder))


def _git_state(request: Request, target: Path) -> Git:
    if not request.git:
        return Git.OFF
    if first_commit.inside_repository(_existing_above(target)):
        return Git.INSIDE
    return Git.COMMITTED if first_commit.possible() else Git.MISSING


def _move(rendered: Path, place: Path, target: Path) -> None:
    """Move the project to `target`, with the folders above it that are missing, in one rename."""
    above = _existing_above(target)
    missing = target.relative_to(above)
    staged = place / "staged" / missing
    try:
        staged.parent.mkdir(parents=True)
        rendered.rename(staged)
        if target.is_dir() and os.name == "nt":  # other systems rename over an empty folder
            target.rmdir()
        (place / "staged" / missing.parts[0]).rename(above / missing.parts[0])
    except OSError as error:
        raise ScaffoldError(f"cannot make {target}: {error.strerror}") from error


def _files(root: Path) -> Iterator[RenderedFile]:
    for path in sorted(root.rglob("*"), key=lambda path: path.relative_to(root).parts):
        if path.is_file():
            info = path.stat()
            name = path.relative_to(root).as_posix()
            yield RenderedFile(name, info.st_size, bool(info.st_mode & 0o100))
