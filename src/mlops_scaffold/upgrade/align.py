"""Differences that are no conflict of content, taken out before git merges."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from mlops_scaffold.git.objects import FILE, PROGRAM, Entry
from mlops_scaffold.upgrade import dependencies
from mlops_scaffold.upgrade.trees import read_blobs

if TYPE_CHECKING:
    from mlops_scaffold.git.objects import Scratch
    from mlops_scaffold.git.repo import Repo
    from mlops_scaffold.upgrade.model import MergeInputs

# Written by a resolver from other files: half of one and half of another is neither.
GENERATED = frozenset(
    {"constraints.txt", "uv.lock", "poetry.lock", "pdm.lock", "package-lock.json"}
)

_LONE_LF = re.compile(rb"(?<!\r)\n")


def align(repo: Repo, store: Scratch, sides: MergeInputs) -> None:
    """Adjust the three sides so that git merges what is worth merging.

    - A generated file that both sides changed is taken from the new template, whole.
    - A file that its owner turned to CRLF is compared, and merged, in CRLF.
    - Dependency lists of `pyproject.toml` are merged entry by entry.
    """
    edited = [path for path in sides.base if _both_changed(sides, path)]
    for path in [path for path in edited if PurePosixPath(path).name in GENERATED]:
        mine = sides.renamed.get(path, path)
        if path in sides.new:
            sides.base[path] = sides.ours[mine]
            sides.note(mine, "generated: taken from the template, your version is in git's history")
    _merge_texts(repo, store, sides, [path for path in edited if _both_changed(sides, path)])


def _both_changed(sides: MergeInputs, path: str) -> bool:
    base, ours = sides.base[path], sides.ours.get(sides.renamed.get(path, path))
    new = sides.new.get(sides.moved.get(path, path))
    texts = all(side and side.mode in (FILE, PROGRAM) for side in (base, ours, new))
    return texts and len({side.oid for side in (base, ours, new) if side}) == 3  # noqa: PLR2004 - sides


def _merge_texts(repo: Repo, store: Scratch, sides: MergeInputs, paths: list[str]) -> None:
    """Line ends and dependency lists of files that both sides changed."""
    places = [
        ((sides.base, p), (sides.ours, sides.renamed.get(p, p)), (sides.new, sides.moved.get(p, p)))
        for p in paths
    ]
    blobs = read_blobs(repo, store, (side[path].oid for place in places for side, path in place))
    for place in places:
        before = [blobs[side[path].oid] for side, path in place]
        base, ours, new = _same_line_ends(*before)
        mine = place[1][1]
        if PurePosixPath(mine).name == "pyproject.toml":
            merged = _merge_dependencies(base, ours, new)
            if merged:
                base, ours, new = (t.encode() for t in (merged.base, merged.ours, merged.theirs))
                sides.note(mine, *merged.notes)
        for (side, path), old, content in zip(place, before, (base, ours, new), strict=True):
            if content != old:
                side[path] = Entry(side[path].mode, store.blob(content))


def _same_line_ends(base: bytes, ours: bytes, new: bytes) -> tuple[bytes, bytes, bytes]:
    """Convert the template's two sides to CRLF if that is what the owner turned the file to."""
    if b"\r\n" in ours and not _LONE_LF.search(ours) and b"\r" not in base + new:
        return base.replace(b"\n", b"\r\n"), ours, new.replace(b"\n", b"\r\n")
    return base, ours, new


def _merge_dependencies(base: bytes, ours: bytes, new: bytes) -> dependencies.Merged | None:
    try:
        return dependencies.merge(base.decode(), ours.decode(), new.decode())
    except UnicodeDecodeError:
        return None
