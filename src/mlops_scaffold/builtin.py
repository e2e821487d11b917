"""Where the packaged catalog lies; a module of its own because `list` needs this and no more."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def builtin_root() -> Path:
    """The folder that holds the packaged catalog: inside the wheel, or the checkout."""
    packaged = Path(__file__).parent / "_catalog"
    return packaged if packaged.is_dir() else Path(__file__).parents[2]
