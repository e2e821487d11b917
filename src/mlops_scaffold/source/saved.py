"""What a user keeps on this machine: names of other catalogs."""

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
    """The file that holds them; `MLOPS_SCAFFOLD_CONFIG_DIR` moves it."""
    folder = os.environ.get("MLOPS_SCAFFOLD_CONFIG_DIR")
    if folder is not None:
        return Path(folder) / "catalogs.yaml"
    from platformdirs import user_config_path  # noqa: PLC0415  # only where it is needed

    return user_config_path("mlops-scaffold", appauthor=False) / "catalogs.yaml"


def catalogs() -> dict[str, str]:
    """The kept catalogs: name -> folder or URL, by name.

    Raises:
        ScaffoldError: The file is broken.
    """
    file = config_file()
    if not file.exists():
        return {}
    kept: dict[str, str] = {}
    for document in yamlfile.read(file):
        if document.value is not None:
            kept |= {name: node.text() for name, node in document.entries()}
    return dict(sorted(kept.items()))


def add_catalog(name: str, location: str) -> None:
    """Keep a catalog under a name.

    Raises:
        UsageError: The name is invalid or taken.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is not a catalog name",
            hint="use lower-case letters, digits and single dashes, like: team-templates",
        )
    kept = catalogs()
    if name in kept:
        raise UsageError(
            f"{name!r} is kept already: {kept[name]}",
            hint=f"to replace it, first: mlops-scaffold catalog remove {name}",
        )
    _write({**kept, name: location})


def remove_catalog(name: str) -> str:
    """Forget a kept catalog; return where it was.

    Raises:
        UsageError: None is kept under this name.
    """
    kept = catalogs()
    if name not in kept:
        hint = did_you_mean(name, kept) or "see: mlops-scaffold catalog list"
        raise UsageError(f"no catalog is kept as {name!r}", hint=hint)
    location = kept.pop(name)
    _write(kept)
    return location


def _write(kept: dict[str, str]) -> None:
    file = config_file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        text = yaml.safe_dump(dict(sorted(kept.items())), allow_unicode=True) if kept else ""
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=file.parent, delete=False
        ) as new:
            new.write(text)
        Path(new.name).replace(file)
    except OSError as error:
        raise ScaffoldError(f"cannot write {file}: {error.strerror}") from error
