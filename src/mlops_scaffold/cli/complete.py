"""Completion of names in the shell: quick, and silent on errors."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import typer  # noqa: TC002  # Typer reads the annotations of these functions

from mlops_scaffold.cli import fast_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlops_scaffold.catalog.catalog import Catalog


def _catalog(context: typer.Context) -> Catalog:
    with fast_path.opened(context.params.get("catalog")) as catalog:
        return catalog


def projects(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Projects whose name or number starts with what was typed, with their titles."""
    found: list[tuple[str, str]] = []
    with suppress(Exception):  # a shell can't show an error while it completes
        for project in _catalog(context).projects:
            names = (project.slug, str(project.number or ""))
            found += [(name, project.title) for name in names if name and incomplete]
            if not incomplete:
                found.append((project.slug, project.title))
    return [(name, title) for name, title in found if name.startswith(incomplete)]


def levels(incomplete: str) -> list[str]:
    """Levels that start with what was typed."""
    from mlops_scaffold.catalog.records import LEVELS

    return [level for level in LEVELS if level.startswith(incomplete)]


def phases(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Ids of phases that start with what was typed."""
    found: list[tuple[str, str]] = []
    with suppress(Exception):  # as above
        found = [(phase.id, phase.title) for phase in _catalog(context).roadmap.phases]
    return [(name, title) for name, title in found if name.startswith(incomplete)]


def tools(context: typer.Context, incomplete: str) -> list[str]:
    """Words of tool names: `--tool` needs only one, and no word needs quotes."""
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


def recorded_answers(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """As `answers`, for the generated project in the given folder, or in this one.

    The verb must call its folders `projects`.
    """
    from pathlib import Path

    from mlops_scaffold import answers
    from mlops_scaffold.catalog.loading import load
    from mlops_scaffold.source.opening import source_for

    found: list[tuple[str, str]] = []
    with suppress(Exception):  # as above
        folders = [*(context.params.get("projects") or ()), *context.args]
        record = answers.read(Path(folders[0]) if folders else Path())
        with source_for(record).tree() as tree:
            found = list(
                _choices(load(tree.root, name=tree.name), str(record.answers.get("template", "")))
            )
    return [(text, help_) for text, help_ in found if text.startswith(incomplete)]


def catalogs(incomplete: str) -> list[tuple[str, str]]:
    """Names of saved catalogs that start with what was typed."""
    from mlops_scaffold.source import saved

    found: list[tuple[str, str]] = []
    with suppress(Exception):  # as above
        found = list(saved.catalogs().items())
    return [(name, url) for name, url in found if name.startswith(incomplete)]


def _answers(context: typer.Context) -> Iterator[tuple[str, str]]:
    catalog = _catalog(context)
    # The parser stops at a `-d` without a value and leaves the words before it unassigned.
    words = [context.params.get("project"), *context.args]
    yield from _choices(catalog, catalog.find(next(filter(None, words))).slug)


def _choices(catalog: Catalog, slug: str) -> Iterator[tuple[str, str]]:
    from mlops_scaffold.catalog import contents

    for question in contents.questions(catalog.root, "" if catalog.standalone else slug):
        values: Iterable[str] = question.choices or ("",)
        yield from ((f"{question.short}={value}", question.help) for value in values)
