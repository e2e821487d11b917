"""Take an existing repository under a template: find what it is most like, and record that."""

from __future__ import annotations

import tomllib
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlops_scaffold import answers as answers_file
from mlops_scaffold.catalog import contents
from mlops_scaffold.catalog.loading import load
from mlops_scaffold.errors import ScaffoldError, UsageError
from mlops_scaffold.git.repo import open_repo
from mlops_scaffold.render import names
from mlops_scaffold.source.base import parse_version
from mlops_scaffold.upgrade.status import Differences, differences

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from mlops_scaffold.source.base import Source, TemplateTree
    from mlops_scaffold.upgrade.renders import Renders

_PROJECT_NAME = "project_name"


@dataclass(frozen=True)
class Adoption:
    """An existing repository and the template it is most like.

    Attributes:
        project: Its folder.
        template: Slug of the template.
        source: Where the catalog is.
        version: The nearest version.
        answers: The answers that will be recorded.
        likeness: Share of the template's lines that the repository has, from 0 to 1.
        differences: What the owner changed, compared with that version.
    """

    project: Path
    template: str
    source: str
    version: str
    answers: Mapping[str, Any]
    likeness: float
    differences: Differences


@dataclass(frozen=True)
class AdoptRequest:
    """What to adopt a repository to.

    Attributes:
        template: Slug or number of a project of the catalog.
        version: The version to compare with (default: each).
        answers: Answers that are known; the others are found.
        dry_run: Compare, but write nothing.
    """

    template: str
    version: str | None = None
    answers: Mapping[str, Any] = field(default_factory=dict)
    dry_run: bool = False


@dataclass(frozen=True)
class _Candidate:
    tree: TemplateTree
    answers: Mapping[str, Any]
    folder: Path
    likeness: float


@dataclass(frozen=True)
class _Search:
    """What every comparison needs."""

    project: Path
    request: AdoptRequest
    renders: Renders
    progress: Callable[[str], None]

    def compare(self, tree: TemplateTree, answers: Mapping[str, Any]) -> _Candidate:
        rendered = self.renders.render(tree, {}, answers)
        likeness = _likeness(rendered.folder, self.project)
        return _Candidate(tree, rendered.answers, rendered.folder, likeness)


def adopt(
    folder: Path,
    request: AdoptRequest,
    source: Source,
    renders: Renders,
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> Adoption:
    """Record the version of a template, and the answers, that a repository is most like.

    Versions are compared newest first. At the nearest one, the names that the repository suggests
    and each choice of each open question are compared.

    Args:
        folder: A folder under git that no template made.
        request: The template, and what is known.
        source: The catalog.
        renders: Shared renders.
        progress: Called with what is being done, in a few words.

    Raises:
        UsageError: No such project, an answer that does not fit, or nothing in common.
        ScaffoldError: It has a template already, or is not under git.
    """
    if (folder / answers_file.FILE_NAME).exists():
        found = answers_file.read(folder)
        raise ScaffoldError(
            f"{folder} already belongs to a template: {found.url} {found.version_text}",
            hint="see: mlops-scaffold status",
        )
    repo = open_repo(folder)
    search = _Search(repo.project, request, renders, progress)
    best = _nearest_answers(search, _nearest_version(search, source))
    if not best.likeness:
        raise UsageError(
            f"{folder} has nothing in common with {request.template}",
            hint="is it another project? see: mlops-scaffold list",
        )
    rendered = (best.folder / answers_file.FILE_NAME).read_text("utf-8")
    adoption = Adoption(
        project=folder,
        template=str(best.answers["template"]),
        source=source.url,
        version=str(best.tree.version),
        answers=best.answers,
        likeness=best.likeness,
        differences=differences(folder, repo, best.folder, answers_file.FILE_NAME),
    )
    if not request.dry_run:
        (folder / answers_file.FILE_NAME).write_text(rendered, encoding="utf-8", newline="\n")
        repo.run("add", "--force", "--", repo.prefix + answers_file.FILE_NAME)
    return adoption


def _nearest_version(search: _Search, source: Source) -> _Candidate:
    """The version with the greatest likeness; of equals, the newest."""
    request, known = search.request, source.versions()
    wanted = [parse_version(request.version, known)] if request.version else reversed(known)
    best: _Candidate | None = None
    for version in wanted:
        tree = search.renders.tree(source, version)
        slug = _template_in(tree, request.template)
        if slug is None:
            continue  # this version does not have it yet
        search.progress(f"Comparing with {version}")
        found = search.compare(tree, {"template": slug, **request.answers})
        if best is None or found.likeness > best.likeness:
            best = found
    if best is None:
        raise UsageError(
            f"the catalog has no template {request.template!r}", hint="see: mlops-scaffold list"
        )
    return best


def _template_in(tree: TemplateTree, name: str) -> str | None:
    for project in load(tree.root).projects:
        if name in {project.slug, str(project.number)} and project.has_template:
            return project.slug
    return None


def _nearest_answers(search: _Search, best: _Candidate) -> _Candidate:
    """Try what is left open, one question after the other, and keep what is nearer."""
    slug = str(best.answers["template"])
    fixed = {"template": slug, **search.request.answers}
    for question in contents.questions(best.tree.root, slug):
        if question.key in fixed or question.short in fixed:
            continue
        is_name = question.key == _PROJECT_NAME
        values = _suggested_names(search.project) if is_name else question.choices
        for value in dict.fromkeys(values):
            if value == best.answers.get(question.key):
                continue
            search.progress(f"Comparing with {question.short} = {value}")
            with suppress(UsageError):  # a combination that the template does not allow
                found = search.compare(best.tree, {**fixed, question.key: value})
                best = max(best, found, key=lambda candidate: candidate.likeness)
        if best.answers.get(question.key) is not None:
            fixed[question.key] = best.answers[question.key]
    return best


def _likeness(rendered: Path, project: Path) -> float:
    """Share of the lines of a render that files of the same name have, whatever their order."""
    lines = common = 0
    for path in rendered.rglob("*"):
        name = path.relative_to(rendered)
        if not path.is_file() or name.name == answers_file.FILE_NAME:
            continue
        wanted = Counter(path.read_bytes().splitlines())
        lines += wanted.total()
        there = project / name
        if there.is_file() and not there.is_symlink():
            common += (wanted & Counter(there.read_bytes().splitlines())).total()
    return common / lines if lines else 0.0


def _suggested_names(project: Path) -> Iterator[str]:
    """Names that a project may have: of its distribution, its packages and its folder."""
    with suppress(OSError, ValueError, KeyError, TypeError):  # none, or not the TOML we expect
        yield str(tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["project"]["name"])
    packages = project / "src"
    if packages.is_dir():
        yield from sorted(p.name.replace("_", "-") for p in packages.iterdir() if p.is_dir())
    yield names.project_name_of(project.resolve().name)
