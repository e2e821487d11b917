"""Completion of names in the shell: quick, and silent when there is nothing to say."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import typer  # noqa: TC002  # Typer reads the annotations of these functions

from mlops_scaffold.cli import front

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlops_scaffold.catalog import Catalog


def _catalog(context: typer.Context) -> Catalog:
    with front.opened(context.params.get("catalog")) as catalog:
        return catalog


def projects(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Projects, with their titles, that start with what was typed."""
    found: list[tuple[str, str]] = []
    with suppress(Exception):  # a shell has no place to show an error
        for project in _catalog(context).projects:
            names = (project.slug, str(project.number or ""))
            found += [(name, project.title) for name in names if name and incomplete]
            if not incomplete:
                found.append((project.slug, project.title))
    return [(name, title) for name, title in found if name.startswith(incomplete)]


def levels(incomplete: str) -> list[str]:
    """Levels that start with what was typed."""
    from mlops_scaffold.records import LEVELS

    return [level for level in LEVELS if level.startswith(incomplete)]


def phases(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Ids of phases that start with what was typed."""
    found: list[tuple[str, str]] = []
    with suppress(Exception):  # as above
        found = [(phase.id, phase.title) for phase in _catalog(context).roadmap.phases]
    return [(name, title) for name, title in found if name.startswith(incomplete)]


def tools(context: typer.Context, incomplete: str) -> list[str]:
    """Words of the tools' names: one is enough for `--tool`, and none needs quotes."""
    found: set[str] = set()
    with suppress(Exception):  # as above
        tools = {tool for project in _catalog(context).projects for tool in project.tools}
        found = {word.casefold() for tool in tools for word in tool.split()}
    return sorted(word for word in found if word.startswith(incomplete))


def answers(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """`KEY=VALUE` for `-d`: keys of the project's questions, then the choices of the key.

    The verb must call its project argument `project`.
    """
    found: list[tuple[str, str]] = []
    with suppress(Exception):  # as above
        found = list(_answers(context))
    return [(text, help_) for text, help_ in found if text.startswith(incomplete)]


def _answers(context: typer.Context) -> Iterator[tuple[str, str]]:
    from mlops_scaffold import survey

    catalog = _catalog(context)
    # The parser stops at a `-d` without its value, and leaves the words before it unassigned.
    words = [context.params.get("project"), *context.args]
    slug = catalog.find(next(filter(None, words))).slug
    for question in survey.questions(catalog.root, slug):
        values: Iterable[str] = question.choices or ("",)
        yield from ((f"{question.short}={value}", question.help) for value in values)
