"""Versions of templates, rendered once however many projects need them."""

from __future__ import annotations

import json
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from mlops_scaffold import render, source

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from packaging.version import Version

    from mlops_scaffold.answers import Recorded
    from mlops_scaffold.source import Source, TemplateTree


class Rendered(NamedTuple):
    """A template at one version with one set of answers."""

    folder: Path
    answers: Mapping[str, Any]


class Renders:
    """Opened sources, template trees and renders of one run; a context manager.

    A fleet of projects from one template shares all of it.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._sources: dict[str, Source] = {}
        self._trees: dict[tuple[str, Version], TemplateTree] = {}
        self._done: dict[tuple[str, Version, str, str], Rendered] = {}

    def __enter__(self) -> Self:
        scratch = tempfile.TemporaryDirectory(prefix="mlops-scaffold-")
        self._root = Path(self._stack.enter_context(scratch))
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
            self._sources[recorded.url] = source.source_for(recorded)
        return self._sources[recorded.url]

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
    ) -> Rendered:
        """Render a version.

        Args:
            tree: The template tree.
            carried: Answers recorded in the project; those that no longer fit are left out.
            answers: Answers that replace them, and must fit.
            ask: Ask on the terminal what neither answers.
        """
        wanted = answers or {}
        key = (tree.url, tree.version, _text(carried), _text(wanted))
        if key not in self._done or ask:
            folder = self._root / str(len(self._done))
            final = render.render(tree, wanted, folder, carried=carried, ask=ask)
            self._done[key] = Rendered(folder, final)
            # The next project, or the next step, may start from what this one ended with.
            self._done[tree.url, tree.version, _text(final), _text({})] = self._done[key]
        return self._done[key]


def _text(answers: Mapping[str, Any]) -> str:
    return json.dumps(answers, sort_keys=True, default=str)
