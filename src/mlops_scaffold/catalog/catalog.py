"""What exists and what it teaches: `catalog.yaml`, loaded, validated and searched."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

from mlops_scaffold.catalog.records import LEVELS, Phase, Project, Roadmap
from mlops_scaffold.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Catalog:
    """A catalog: its projects in their order, and the roadmap they belong to.

    Attributes:
        root: Its folder.
        projects: Its projects.
        roadmap: What they practise.
        renamed: Former slugs of projects, and what these are called now.
        standalone: Whether it is a Copier template of its own: one project, and no `catalog.yaml`.
    """

    root: Path
    projects: tuple[Project, ...]
    roadmap: Roadmap
    renamed: Mapping[str, str] = field(default_factory=dict)
    standalone: bool = False

    def find(self, name: str) -> Project:
        """The project with this slug, former slug or number.

        Raises:
            UsageError: There is none; the hint names the nearest.
        """
        current = self.current_slug(name)
        for project in self.projects:
            if current in {project.slug, str(project.number)}:
                return project
        hint = did_you_mean(name, [project.slug for project in self.projects])
        if self.standalone:
            hint = f"it is one Copier template, called {self.projects[0].slug}"
        raise UsageError(
            f"no project {name!r} in the catalog",
            hint=hint or "mlops-scaffold list shows the projects",
        )

    def current_slug(self, slug: str) -> str:
        """What the project that was once called `slug` is called in this catalog."""
        while slug in self.renamed:
            slug = self.renamed[slug]
        return slug

    def selected(self, project: Project) -> str:
        """The value of `template` in the project's questions; "" in a Copier template."""
        return self.selecting(project).get("template", "")

    def selecting(self, project: Project) -> dict[str, str]:
        """The answer that selects a project's template; a Copier template of its own needs none."""
        return {} if self.standalone else {"template": project.slug}

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


def _traits(project: Project) -> set[str]:
    return {*project.topics, *project.tools, *project.skills}


def _unknown(kind: str, typed: str, known: list[str] | tuple[str, ...]) -> NoReturn:
    hint = did_you_mean(typed, known)
    listed = f"{kind}s: {', '.join(known)}" if known else f"this catalog has no {kind}s"
    raise UsageError(f"unknown {kind} {typed!r}", hint=f"{hint} {listed}".strip())
