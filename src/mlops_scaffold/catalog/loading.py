"""`catalog.yaml` as typed records, validated: every mistake names file, line and key.

A repository that has only a `copier.yml` is read as a catalog of one project.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mlops_scaffold.catalog import yamlfile
from mlops_scaffold.catalog.catalog import Catalog
from mlops_scaffold.catalog.records import (
    LEVELS,
    NEEDS,
    Phase,
    Project,
    Resources,
    Roadmap,
    Section,
)
from mlops_scaffold.errors import ScaffoldError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlops_scaffold.catalog.yamlfile import Node

_SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_REQUIRED = ("slug", "title", "level")
_OPTIONAL_TEXT = ("duration", "objective", "dataset")
_OPTIONAL_TEXTS = ("skills", "tools", "prerequisites", "next", "needs", "topics")


def load(root: Path, *, name: str = "") -> Catalog:
    """The catalog of a template tree.

    A Copier template without `catalog.yaml` is a catalog of one project.

    Args:
        root: The folder with `catalog.yaml`, `copier.yml` and `templates/`.
        name: What the catalog is called, for a template of its own (default: the folder's name).

    Raises:
        ScaffoldError: There is no catalog, or a mistake in it; the message names file, line, key.
    """
    file = root / "catalog.yaml"
    if not file.is_file():
        return _standalone(root, name or root.name)
    documents = yamlfile.read(file)
    if len(documents) != 1:
        raise ScaffoldError(f"{file}: expected one YAML document, found {len(documents)}")
    top = documents[0].mapping(["projects"], ["roadmap", "renamed"])
    roadmap = _roadmap(top.child("roadmap")) if "roadmap" in top.value else Roadmap()
    nodes = list(top.child("projects").children())
    projects = tuple(_project(node, root) for node in nodes)
    for node, project in zip(nodes, projects, strict=True):
        _check_references(node, project, projects, roadmap)
    renamed = _renamed(top.child("renamed"), projects) if "renamed" in top.value else {}
    return Catalog(root, projects, roadmap, renamed)


def _standalone(root: Path, name: str) -> Catalog:
    """The Copier template at `root` as a catalog of one."""
    from mlops_scaffold.catalog import copier_yml  # noqa: PLC0415  # only where it is needed

    if not any(copier_yml.is_config(path) for path in root.iterdir()):
        raise ScaffoldError(
            f"{name} is not a catalog: it has neither catalog.yaml nor copier.yml",
            hint="a catalog holds catalog.yaml, copier.yml and templates/;"
            " a Copier template holds copier.yml",
        )
    slug = re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-")
    if not _SLUG.fullmatch(slug):
        slug = f"template-{slug}".rstrip("-")
    title = name.replace("-", " ").replace("_", " ")
    project = Project(slug=slug, title=title, level="", has_template=True)
    return Catalog(root, (project,), Roadmap(), standalone=True)


def _renamed(node: Node, projects: tuple[Project, ...]) -> dict[str, str]:
    """Former slugs and the current ones; every way must end at a project."""
    known = [project.slug for project in projects]
    renamed = {key: child.text() for key, child in node.entries()}
    for old, new in renamed.items():
        if old in known:
            node.child(old).fail("it is still a project of this catalog")
        if new not in known and new not in renamed:
            node.child(old).fail(f"{new!r} is not known", hint=did_you_mean(new, known))
        seen = {old}
        while new in renamed:
            if new in seen:
                node.child(old).fail("the renames go round in a circle")
            seen.add(new)
            new = renamed[new]  # noqa: PLW2901  # one step further along the chain
    return renamed


def _project(node: Node, root: Path) -> Project:
    node.mapping(_REQUIRED, ("number", *_OPTIONAL_TEXT, *_OPTIONAL_TEXTS))
    slug = node.child("slug").text()
    if not _SLUG.fullmatch(slug):
        node.child("slug").fail("use lower-case letters, digits and single dashes")
    level = node.child("level").text()
    if level not in LEVELS:
        hint = did_you_mean(level, LEVELS) or f"levels: {', '.join(LEVELS)}"
        node.child("level").fail(f"unknown level {level!r}", hint=hint)
    given: dict[str, Any] = {
        key: " ".join(node.child(key).text().split()) for key in _OPTIONAL_TEXT if key in node.value
    }
    given |= {key: node.child(key).texts() for key in _OPTIONAL_TEXTS if key in node.value}
    return Project(
        slug=slug,
        title=node.child("title").text(),
        level=level,
        number=node.child("number").integer() if "number" in node.value else None,
        has_template=(root / "templates" / slug / "project").is_dir(),
        **given,
    )


def _roadmap(node: Node) -> Roadmap:
    node.mapping((), ["phases", "developments", "resources"])
    seen: set[str] = set()
    return Roadmap(
        phases=tuple(_phase(phase, seen) for phase in _list(node, "phases")),
        developments=tuple(_section(part, seen) for part in _list(node, "developments")),
        resources=tuple(
            Resources(kind.child("title").text(), kind.child("items").texts())
            for kind in _list(node, "resources")
            if kind.mapping(["title", "items"])
        ),
    )


def _phase(node: Node, seen: set[str]) -> Phase:
    node.mapping(["number", "id", "title", "duration", "sections"])
    return Phase(
        number=node.child("number").integer(),
        id=node.child("id").text(),
        title=node.child("title").text(),
        duration=node.child("duration").text(),
        sections=tuple(_section(part, seen) for part in node.child("sections").children()),
    )


def _section(node: Node, seen: set[str]) -> Section:
    node.mapping(["title", "topics"])
    topics = {}
    for key, title in node.child("topics").entries():
        if key in seen:
            title.fail("this topic id is used twice in the roadmap")
        seen.add(key)
        topics[key] = title.text()
    return Section(node.child("title").text(), topics)


def _list(node: Node, key: str) -> Iterator[Node]:
    return node.child(key).children() if key in node.value else iter(())


def _check_references(
    node: Node, project: Project, projects: tuple[Project, ...], roadmap: Roadmap
) -> None:
    """Refuse what points at nothing, and what two projects both claim to be."""
    for key in ("slug", "number"):
        value = getattr(project, key)
        if value is not None and [getattr(other, key) for other in projects].count(value) > 1:
            node.child(key).fail(f"{value} is the {key} of two projects")
    slugs = [other.slug for other in projects if other is not project]
    known = {"topics": list(roadmap.topics), "next": slugs, "needs": NEEDS}
    for key, targets in known.items():
        for index, name in enumerate(getattr(project, key)):
            if name not in targets:
                hint = did_you_mean(name, targets)
                node.child(key).child(index).fail(f"{name!r} is not known", hint=hint)
