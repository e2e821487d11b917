"""Whether repositories can be made from a catalog: tried, before a person comes to rely on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_scaffold.catalog import copier_yml
from mlops_scaffold.errors import ScaffoldError, UsageError
from mlops_scaffold.files import staging
from mlops_scaffold.render.render import render

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_scaffold.catalog.catalog import Catalog
    from mlops_scaffold.source.base import TemplateTree


def refused(
    tree: TemplateTree, catalog: Catalog, progress: Callable[[str], None] = lambda _: None
) -> dict[str, ScaffoldError]:
    """The projects that can't be made, and why not.

    Each is rendered with its default answers. One that needs other answers is not refused for it.

    Args:
        tree: The catalog at one version.
        catalog: What is in it.
        progress: Told what is being done, in a few words.

    Raises:
        ScaffoldError: The catalog does what none may: nothing can be made from it.
    """
    copier_yml.questions(tree.root)
    found: dict[str, ScaffoldError] = {}
    for project in catalog.projects:
        if not project.has_template:
            continue
        progress(f"Trying {project.slug}")
        with staging.temporary() as scratch:
            try:
                render(tree, catalog.selecting(project), scratch / "rendered")
            except UsageError:  # about an answer, which a person can give
                continue
            except ScaffoldError as error:
                found[project.slug] = error
    return found
