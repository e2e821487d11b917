"""Whose name a commit carries, for `new` and `upgrade` alike."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mlops_scaffold.git import command as git

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_FALLBACK = {"name": "mlops-scaffold", "email": "mlops-scaffold@localhost"}


def fallback(folder: Path) -> dict[str, str]:
    """Environment variables that give a commit in `folder` the name and address git doesn't know.

    What the person told git always wins, be it in the environment or in any configuration.
    """
    known = _configured(folder)
    missing: dict[str, str] = {}
    for role in ("author", "committer"):
        for key, value in _FALLBACK.items():
            variable = f"GIT_{role}_{key}".upper()
            given = os.environ.get(variable) or (key == "email" and os.environ.get("EMAIL"))
            if not given and not known.get(f"{role}.{key}") and not known.get(f"user.{key}"):
                missing[variable] = value
    return missing


def _configured(folder: Path) -> Mapping[str, str]:
    keys = r"^(user|author|committer)\.(name|email)$"
    command = ("config", "-z", "--get-regexp", keys)
    listed = git.run(*command, cwd=folder, isolated=False, expect=(0, 1))
    pairs = (line.partition("\n") for line in listed.decode(errors="replace").split("\0"))
    return {key: value.strip() for key, _, value in pairs}
