"""What exists and what it teaches: `catalog.yaml`, loaded, validated and searched."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from mlops_scaffold import yamlfile
from mlops_scaffold.errors import ScaffoldError, UsageError, did_you_mean
from mlops_scaffold.records import LEVELS, NEEDS, Phase, Project, Resources, Roadmap, Section

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlops_scaffold.yamlfile import Node

_SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_REQUIRED = ("slug", "title", "level")
_OPTIONAL_TEXT = ("duration", "objective", "dataset")
_OPTIONAL_TEXTS = ("skills", "tools", "prerequisites", "next", "needs", "topics")


@dataclass(frozen=True)
class Catalog:
    """A catalog: its projects in their order, and the roadmap they belong to."""

    root: Path
    projects: tuple[Project, ...]
    roadmap: Roadmap

    def find(self, name: str) -> Project:
        """The project with this slug or number.

        Raises:
            UsageError: There is none; the hint names the nearest.
        """
        for project in self.projects:
            if name in {project.slug, str(project.number)}:
                return project
        hint = did_you_mean(name, [project.slug for project in self.projects])
        raise UsageError(
            f"no project {name!r} in the catalog",
            hint=hint or "mlops-scaffold list shows the projects",
        )

    def phases_of(self, project: Project) -> tuple[Phase, ...]:
        """The phases of which the project practises at least one topic."""
        topics = set(project.topics)
        return tuple(phase for phase in self.roadmap.phases if topics & phase.topics.keys())

    def practising(self, topic: str) -> tuple[Project, ...]:
        """The projects that practise a topic."""
        return tuple(project for project in self.projects if topic in project.topics)

    def nearest(self, project: Project) -> Project | None:
        """The project with a template that is most like `project`, or None if there is none.

        Likeness is what the two share of topics, tools and skills; then nearness of level.
        """

        def likeness(other: Project) -> tuple[float, int]:
            mine, its = _traits(project), _traits(other)
            shared = len(mine & its) / len(mine | its) if mine | its else 0.0
            return shared, -abs(LEVELS.index(project.level) - LEVELS.index(other.level))

        ready = [other for other in self.projects if other.has_template and other != project]
        return max(ready, key=likeness, default=None)

    def search(
        self,
        text: str = "",
        *,
        level: str | None = None,
        phase: str | None = None,
        tool: str | None = None,
    ) -> tuple[Project, ...]:
        """The projects that meet every condition given.

        Args:
            text: Words that must all occur somewhere in what the catalog says of a project.
            level: One of `LEVELS`.
            phase: Number or id of a phase.
            tool: Part of a tool's name, in any case.

        Raises:
            UsageError: No such level, phase or tool; the hint names the nearest.
        """
        if level is not None and level.casefold() not in LEVELS:
            _unknown("level", level, LEVELS)
        wanted = None if phase is None else self._phase(phase)
        if tool is not None:
            tools = {name for project in self.projects for name in project.tools}
            if not any(tool.casefold() in name.casefold() for name in tools):
                _unknown("tool", tool, sorted(tools))
        words = text.casefold().split()

        def meets(project: Project) -> bool:
            return (
                (level is None or project.level == level.casefold())
                and (wanted is None or wanted in self.phases_of(project))
                and (tool is None or any(tool.casefold() in t.casefold() for t in project.tools))
                and (not words or all(word in self._haystack(project) for word in words))
            )

        return tuple(filter(meets, self.projects))

    def _phase(self, name: str) -> Phase:
        for phase in self.roadmap.phases:
            if name.casefold() in {phase.id, str(phase.number)}:
                return phase
        known = [f"{phase.number} ({phase.id})" for phase in self.roadmap.phases]
        return _unknown("phase", name, known)

    def _haystack(self, project: Project) -> str:
        titles = self.roadmap.topics
        said = (
            project.slug,
            project.title,
            project.objective,
            project.dataset,
            *project.skills,
            *project.tools,
            *(titles[topic] for topic in project.topics),
        )
        return "\n".join(said).casefold()


def load(root: Path) -> Catalog:
    """The catalog of a template tree.

    Args:
        root: The folder with `catalog.yaml` and `templates/`.

    Raises:
        ScaffoldError: There is no catalog, or a mistake in it; the message names file, line, key.
    """
    file = root / "catalog.yaml"
    if not file.is_file():
        raise ScaffoldError(
            f"{root} is no catalog: it has no catalog.yaml",
            hint="a catalog holds catalog.yaml, copier.yml and templates/",
        )
    documents = yamlfile.read(file)
    if len(documents) != 1:
        raise ScaffoldError(f"{file}: expected one YAML document, found {len(documents)}")
    top = documents[0].mapping(["projects"], ["roadmap"])
    roadmap = _roadmap(top.child("roadmap")) if "roadmap" in top.value else Roadmap()
    nodes = list(top.child("projects").children())
    projects = tuple(_project(node, root) for node in nodes)
    for node, project in zip(nodes, projects, strict=True):
        _check_references(node, project, projects, roadmap)
    return Catalog(root, projects, roadmap)


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


def _traits(project: Project) -> set[str]:
    return {*project.topics, *project.tools, *project.skills}


def _unknown(kind: str, typed: str, known: list[str] | tuple[str, ...]) -> NoReturn:
    hint = did_you_mean(typed, known)
    listed = f"{kind}s: {', '.join(known)}" if known else f"this catalog has no {kind}s"
    raise UsageError(f"unknown {kind} {typed!r}", hint=f"{hint} {listed}".strip())
