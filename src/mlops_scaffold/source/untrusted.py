"""What a catalog that is not ours may hold: plain files and folders, links that stay inside."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mlops_scaffold.errors import ScaffoldError
from mlops_scaffold.files.portable import like_git_folder
from mlops_scaffold.git.export import check_size
from mlops_scaffold.source.base import TOOL_LEFTOVERS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def check_tree(root: Path, parts: Iterable[str]) -> None:
    """Check a template tree that is not ours.

    Args:
        root: The tree.
        parts: Names in `root` to check, with everything below them.

    Raises:
        ScaffoldError: It holds something else, or too much; the path is named.
    """
    files = size = 0
    pending = [path for part in parts if os.path.lexists(path := root / part)]
    while pending:
        path = pending.pop()
        name = path.relative_to(root)
        if like_git_folder(path.name):
            raise ScaffoldError(
                f"the catalog holds {name}, which some systems take for git's folder"
            )
        if path.is_symlink():
            if not path.resolve().is_relative_to(root.resolve()):
                raise ScaffoldError(f"the catalog holds {name}, a link that leads out of it")
        elif path.is_dir():
            pending.extend(x for x in path.iterdir() if x.name not in TOOL_LEFTOVERS)
        elif path.is_file():
            files, size = files + 1, size + path.stat().st_size
            check_size(files, size)
        else:
            raise ScaffoldError(f"the catalog holds {name}, which is neither file nor folder")
