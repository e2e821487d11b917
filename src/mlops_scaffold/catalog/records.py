"""The typed records a catalog is made of."""

from __future__ import annotations

from dataclasses import dataclass

LEVELS = ("beginner", "intermediate", "advanced", "expert")
NEEDS = ("container-engine", "kubectl", "gpu")
"""What a project may use beyond Python, git and make."""


@dataclass(frozen=True)
class Project:
    """One project of a catalog.

    Attributes:
        slug: Its name on the command line and its folder in `templates/`.
        title: What it is, in a few words.
        level: One of `LEVELS`; empty for a Copier template of its own.
        number: Its number in the roadmap, if it has one.
        duration: How long it takes, as text; this and all below may be empty.
        objective: What a person who has done it has built.
        skills: What they have learnt.
        tools: What it is built with.
        dataset: What it works on.
        prerequisites: What to know before.
        next: Slugs of the projects to go on with.
        needs: What it uses beyond Python, git and make; of `NEEDS`.
        topics: Ids of the roadmap topics it practises.
        has_template: Whether a repository can be made from it.
    """

    slug: str
    title: str
    level: str
    number: int | None = None
    duration: str = ""
    objective: str = ""
    skills: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    dataset: str = ""
    prerequisites: tuple[str, ...] = ()
    next: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    has_template: bool = False


@dataclass(frozen=True)
class Section:
    """Topics that belong together: their ids and titles, in order."""

    title: str
    topics: dict[str, str]


@dataclass(frozen=True)
class Phase:
    """A phase of the roadmap."""

    number: int
    id: str
    title: str
    duration: str
    sections: tuple[Section, ...]

    @property
    def topics(self) -> dict[str, str]:
        """The phase's topics, id to title."""
        return {key: title for part in self.sections for key, title in part.topics.items()}


@dataclass(frozen=True)
class Resources:
    """Things of one kind to learn from."""

    title: str
    items: tuple[str, ...]


@dataclass(frozen=True)
class Roadmap:
    """The way to learn it all."""

    phases: tuple[Phase, ...] = ()
    developments: tuple[Section, ...] = ()
    resources: tuple[Resources, ...] = ()

    @property
    def topics(self) -> dict[str, str]:
        """Every topic of the phases and the developments, id to title."""
        parts: tuple[Phase | Section, ...] = (*self.phases, *self.developments)
        return {key: title for part in parts for key, title in part.topics.items()}
