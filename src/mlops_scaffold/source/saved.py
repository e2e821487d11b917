"""The external catalogs that a user saved on this machine, each under a name."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

import yaml

from mlops_scaffold.catalog import yamlfile
from mlops_scaffold.errors import ScaffoldError, UsageError, did_you_mean

_NAME = re.compile(r"[a-z][a-z0-9]*([-_.][a-z0-9]+)*")


def config_file() -> Path:
    """The file that lists them; `MLOPS_SCAFFOLD_CONFIG_DIR` moves it."""
    folder = os.environ.get("MLOPS_SCAFFOLD_CONFIG_DIR")
    if folder:
        return Path(folder) / "catalogs.yaml"
    from platformdirs import user_config_path  # noqa: PLC0415  # only where it is needed

    return user_config_path("mlops-scaffold", appauthor=False) / "catalogs.yaml"


def catalogs() -> dict[str, str]:
    """The saved catalogs: name -> folder or URL, by name.

    Raises:
        ScaffoldError: The file is broken.
    """
    file = config_file()
    if not file.exists():
        return {}
    found: dict[str, str] = {}
    for document in yamlfile.read(file):
        if document.value is not None:
            found |= {name: node.text() for name, node in document.entries()}
    return dict(sorted(found.items()))


def add_catalog(name: str, location: str) -> None:
    """Save a catalog under a name.

    Raises:
        UsageError: The name is invalid or taken.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is not a catalog name",
            hint="use lower-case letters, digits and single dashes, like: team-templates",
        )
    known = catalogs()
    if name in known:
        raise UsageError(
            f"{name!r} is already the name of {known[name]}",
            hint=f"to replace it, first: mlops-scaffold catalog remove {name}",
        )
    _write({**known, name: location})


def remove_catalog(name: str) -> str:
    """Forget a saved catalog; return where it was.

    Raises:
        UsageError: None has this name.
    """
    known = catalogs()
    if name not in known:
        hint = did_you_mean(name, known) or "see: mlops-scaffold catalog list"
        raise UsageError(f"no catalog is saved as {name!r}", hint=hint)
    location = known.pop(name)
    _write(known)
    return location


def _write(known: dict[str, str]) -> None:
    file = config_file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        text = yaml.safe_dump(dict(sorted(known.items())), allow_unicode=True) if known else ""
        with tempfile.TemporaryDirectory(prefix=".catalogs-", dir=file.parent) as scratch:
            new = Path(scratch) / file.name
            new.write_text(text, encoding="utf-8")
            new.replace(file)
    except OSError as error:
        raise ScaffoldError(f"cannot write {file}: {error.strerror}") from error
