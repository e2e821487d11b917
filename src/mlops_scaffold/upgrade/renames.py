"""Projects that a catalog renamed: the answers of one, under the names of another version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops_scaffold.catalog.loading import load
from mlops_scaffold.errors import ScaffoldError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_scaffold.catalog.catalog import Catalog
    from mlops_scaffold.source.base import TemplateTree


def follow(
    before: TemplateTree, after: TemplateTree, answers: Mapping[str, Any]
) -> Mapping[str, Any]:
    """The recorded answers for the version `after`, in which the project may have another name.

    Args:
        before: The version that the project records.
        after: The version that it is to have.
        answers: What it records.

    Raises:
        ScaffoldError: The project is not in that version, and nothing says what it is called there.
    """
    old = str(answers.get("template", ""))
    if after.standalone or (after.root / "templates" / old / "project").is_dir():
        return answers  # nearly always: the catalog need not be read
    known = load(after.root, name=after.name)
    new = _slug(old, load(before.root, name=before.name), known)
    if new is None:
        slugs = [project.slug for project in known.projects if project.has_template]
        hint = (
            f"{did_you_mean(old, slugs)} if it was renamed, the catalog's authors can add to"
            f" catalog.yaml: `renamed: {{{old}: NEW}}`; until then, upgrade to an earlier version"
            " with --to"
        )
        raise ScaffoldError(
            f"the catalog has no {old!r} at {after.version}: it was renamed or removed;"
            f" there is {', '.join(slugs) or 'nothing else'}",
            hint=hint.strip(),
        )
    if new == old:
        return answers
    return {**_with_prefix(answers, old, new), "template": new}


def _slug(old: str, before: Catalog, after: Catalog) -> str | None:
    """What `after` calls the project that `before` calls `old`."""
    made = {project.slug for project in after.projects if project.has_template}
    if old in made:
        return old
    if (new := after.current_slug(old)) in made:
        return new
    # Going back: the newer version says what the project was called before.
    former = (slug for slug in before.renamed if before.current_slug(slug) == old)
    return next((slug for slug in former if slug in made), None)


def _with_prefix(answers: Mapping[str, Any], old: str, new: str) -> dict[str, Any]:
    """The answers with the project's own questions (`svc_db`) named after its new slug."""
    before, after = (slug.replace("-", "_") + "_" for slug in (old, new))
    return {
        after + key.removeprefix(before) if key.startswith(before) else key: value
        for key, value in answers.items()
    }
