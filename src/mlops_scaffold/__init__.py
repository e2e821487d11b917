"""Scaffold, and keep up to date, the hands-on projects of an MLOps roadmap.

The command line is a thin layer over these names; each is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.3.0.dev0"

__all__ = [
    "Catalog",
    "Created",
    "Project",
    "Request",
    "ScaffoldError",
    "__version__",
    "builtin_root",
    "create",
    "load",
    "open_source",
]

if TYPE_CHECKING:
    from mlops_scaffold.catalog.catalog import Catalog
    from mlops_scaffold.catalog.loading import load
    from mlops_scaffold.catalog.records import Project
    from mlops_scaffold.creation.create import Created, Request, create
    from mlops_scaffold.errors import ScaffoldError
    from mlops_scaffold.source.builtin import builtin_root
    from mlops_scaffold.source.opening import open_source

_HOME = {
    "Catalog": "catalog.catalog",
    "Created": "creation.create",
    "Project": "catalog.records",
    "Request": "creation.create",
    "ScaffoldError": "errors",
    "builtin_root": "source.builtin",
    "create": "creation.create",
    "load": "catalog.loading",
    "open_source": "source.opening",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
