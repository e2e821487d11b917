"""Versions of templates, rendered once however many projects need them."""

from __future__ import annotations

import itertools
import json
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from mlops_scaffold.files import staging
from mlops_scaffold.render.render import render
from mlops_scaffold.source.opening import open_source, source_for

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

    from packaging.version import Version

    from mlops_scaffold.answers import Recorded
    from mlops_scaffold.render.job import RenderResult
    from mlops_scaffold.source.base import Source, TemplateTree


class Rendered(NamedTuple):
    """A template at one version with one set of answers."""

    folder: Path
    result: RenderResult

    @property
    def answers(self) -> Mapping[str, Any]:
        """The final answers."""
        return self.result.answers


@dataclass(frozen=True)
class Place:
    """Where a project is, as far as its template may ask: Copier templates can."""

    folder: str = "project"
    answers_file: str = ""

    @classmethod
    def of(cls, project: Path, recorded: Recorded) -> Self:
        """The place of a project."""
        return cls(project.resolve().name, recorded.name)


class Renders:
    """Opened sources, template trees and renders of one run; a context manager.

    A fleet of projects from one template shares all of it.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._sources: dict[str, Source] = {}  # by recorded URL
        self._opened: dict[str, Source] = {}  # by what a person typed
        self._trees: dict[tuple[str, Version], TemplateTree] = {}
        self._done: dict[tuple[str, Version, str, str, Place], Rendered] = {}
        self._numbers = itertools.count()

    def __enter__(self) -> Self:
        self._root = self._stack.enter_context(staging.temporary())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def source(self, recorded: Recorded) -> Source:
        """Where a project came from."""
        if recorded.url not in self._sources:
            self._sources[recorded.url] = source_for(recorded)
        return self._sources[recorded.url]

    def open(self, spec: str) -> Source:
        """The catalog that a person names."""
        if spec not in self._opened:
            source = open_source(spec)
            self._opened[spec] = self._sources[source.url] = source
        return self._opened[spec]

    def tree(self, origin: Source, version: Version) -> TemplateTree:
        """The template tree at a version."""
        key = (origin.url, version)
        if key not in self._trees:
            self._trees[key] = self._stack.enter_context(origin.tree(version))
        return self._trees[key]

    def render(
        self,
        tree: TemplateTree,
        carried: Mapping[str, Any],
        answers: Mapping[str, Any] | None = None,
        *,
        ask: bool = False,
        place: Place | None = None,
    ) -> Rendered:
        """Render a version.

        Args:
            tree: The template tree.
            carried: Answers recorded in the project. The result says which no longer fit.
            answers: Answers that replace them, and must fit.
            ask: Ask on the terminal what neither answers.
            place: Where the project is. A Copier template of its own is told; others render the
                same wherever they are, and so for a whole fleet at once.
        """
        wanted = answers or {}
        told = place if place and tree.standalone else Place()
        key = (tree.url, tree.version, _text(carried), _text(wanted), told)
        if key not in self._done or ask:
            folder = self._root / str(next(self._numbers))
            result = render(
                tree,
                wanted,
                folder,
                carried=carried,
                ask=ask,
                operation="update",
                answers_file=told.answers_file,
                folder=told.folder,
            )
            self._done[key] = Rendered(folder, result)
            # The next project, or the next step, may start from what this one ended with.
            settled = Rendered(folder, replace(result, replaced=()))
            again = (tree.url, tree.version, _text(result.answers), _text({}), told)
            self._done[again] = settled
        return self._done[key]


def _text(answers: Mapping[str, Any]) -> str:
    return json.dumps(answers, sort_keys=True, default=str)
