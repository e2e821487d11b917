"""The files that a template makes, without making a project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_scaffold.files import staging
from mlops_scaffold.render.render import render

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_scaffold.source.base import TemplateTree


def rendered_files(tree: TemplateTree, answers: Mapping[str, str]) -> tuple[str, ...]:
    """The files of a repository that answers every other question with its default.

    Returns:
        Paths with `/`, sorted.

    Raises:
        UsageError: A question has no default.
        ScaffoldError: The template can't be rendered.
    """
    with staging.temporary() as scratch:
        project = scratch / "project"
        render(tree, answers, project)
        found = (path for path in project.rglob("*") if path.is_file())
        return tuple(sorted(path.relative_to(project).as_posix() for path in found))
