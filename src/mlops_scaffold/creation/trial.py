"""Whether repositories can be made from a catalog: tried, before a person comes to rely on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_scaffold.catalog import copier_yml
from mlops_scaffold.errors import ScaffoldError
from mlops_scaffold.files import staging
from mlops_scaffold.render.render import render

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlops_scaffold.catalog.catalog import Catalog
    from mlops_scaffold.catalog.copier_yml import Entry
    from mlops_scaffold.catalog.records import Project
    from mlops_scaffold.source.base import TemplateTree


def refused(
    tree: TemplateTree, catalog: Catalog, progress: Callable[[str], None] = lambda _: None
) -> dict[str, ScaffoldError]:
    """The projects that can't be made with the default answers, and why not.

    One with a question that has no default can't be tried: nobody is there to answer it.

    Args:
        tree: The catalog at one version.
        catalog: What is in it.
        progress: Told what is being done, in a few words.

    Raises:
        ScaffoldError: The catalog does what none may: nothing can be made from it.
    """
    questions = copier_yml.questions(tree.root)
    found: dict[str, ScaffoldError] = {}
    for project in catalog.projects:
        if not project.has_template or _needs_answers(project, questions):
            continue
        progress(f"Trying {project.slug}")
        with staging.temporary() as scratch:
            try:
                render(tree, catalog.selecting(project), scratch / "rendered")
            except ScaffoldError as error:
                found[project.slug] = error
    return found


def _needs_answers(project: Project, questions: Mapping[str, Entry]) -> bool:
    return any(
        entry.key != "template" and entry.asked_by(project.slug) and not entry.has_default
        for entry in questions.values()
    )
