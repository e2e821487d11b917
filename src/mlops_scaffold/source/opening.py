"""Open the source that a person names, or that a generated repository records."""

# Imported by every verb, `list` too: what only some of them need is imported where it is used.
# ruff: noqa: PLC0415

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mlops_scaffold.errors import ScaffoldError
from mlops_scaffold.source.base import BUILTIN_URL
from mlops_scaffold.source.builtin import builtin

if TYPE_CHECKING:
    from mlops_scaffold.answers import Recorded
    from mlops_scaffold.source.base import Source


def open_source(spec: str | None) -> Source:
    """The catalog that `--catalog` names: a kept name, a folder or a URL; None is the built-in one.

    Raises:
        ScaffoldError: There is no such catalog, or its transport is refused.
    """
    if spec is None or spec == BUILTIN_URL:
        return builtin()
    from mlops_scaffold.source import external, saved

    return external.open_foreign(saved.catalogs().get(spec, spec))


def source_for(recorded: Recorded) -> Source:
    """The source that a generated repository came from.

    Raises:
        ScaffoldError: What it records can't be reached or is refused.
    """
    if recorded.url == BUILTIN_URL:
        return builtin()
    from mlops_scaffold.source import external

    if not external.is_url(recorded.url) and not Path(recorded.url).is_absolute():
        raise ScaffoldError(
            f"{recorded.path}: `_src_path: {recorded.url}` is neither a URL nor an absolute path",
            hint="write there where the catalog is, as in: mlops-scaffold new --catalog",
        )
    return external.open_foreign(recorded.url)
