"""Differences that are not conflicts of content, taken out before git merges."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

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
_GENERATED_NOTE = "generated: taken from the template, your version is in git's history"


class _Texts(NamedTuple):
    """One file of the three sides."""

    base: bytes
    ours: bytes
    new: bytes


def align(repo: Repo, store: Scratch, inputs: MergeInputs) -> MergeInputs:
    """Adjust the three sides so that git merges what is worth merging.

    - A generated file that both sides changed is taken from the new template, whole.
    - A file that its owner turned to CRLF is compared, and merged, in CRLF.
    - Dependency lists of `pyproject.toml` are merged entry by entry.
    """
    edited = [path for path in inputs.base if _both_changed(inputs, path)]
    for path in edited:
        if PurePosixPath(path).name in GENERATED and path in inputs.new:
            mine = inputs.renamed.get(path, path)
            inputs = replace(inputs, base={**inputs.base, path: inputs.ours[mine]})
            inputs = inputs.noted(mine, _GENERATED_NOTE)
    return _align_texts(repo, store, inputs, [p for p in edited if _both_changed(inputs, p)])


def _both_changed(inputs: MergeInputs, path: str) -> bool:
    base, ours = inputs.base[path], inputs.ours.get(inputs.renamed.get(path, path))
    new = inputs.new.get(inputs.moved.get(path, path))
    if not (base and ours and new):
        return False
    files = all(side.mode in (FILE, PROGRAM) for side in (base, ours, new))
    return files and base.oid not in (ours.oid, new.oid) and ours.oid != new.oid


def _align_texts(repo: Repo, store: Scratch, inputs: MergeInputs, paths: list[str]) -> MergeInputs:
    """Line ends and dependency lists of files that both sides changed."""
    base, ours, new = dict(inputs.base), dict(inputs.ours), dict(inputs.new)
    places = [
        ((base, path), (ours, inputs.renamed.get(path, path)), (new, inputs.moved.get(path, path)))
        for path in paths
    ]
    blobs = read_blobs(repo, store, (side[path].oid for place in places for side, path in place))
    for place in places:
        before = _Texts(*(blobs[side[path].oid] for side, path in place))
        mine = place[1][1]
        after = _same_line_ends(before)
        if PurePosixPath(mine).name == "pyproject.toml":
            after, notes = _merge_dependencies(after)
            inputs = inputs.noted(mine, *notes) if notes else inputs
        for (side, path), old, content in zip(place, before, after, strict=True):
            if content != old:
                side[path] = Entry(side[path].mode, store.blob(content))
    return replace(inputs, base=base, ours=ours, new=new)


def _same_line_ends(texts: _Texts) -> _Texts:
    """Convert the template's two sides to CRLF if that is what the owner turned the file to."""
    base, ours, new = texts
    if b"\r\n" in ours and not _LONE_LF.search(ours) and b"\r" not in base + new:
        return _Texts(base.replace(b"\n", b"\r\n"), ours, new.replace(b"\n", b"\r\n"))
    return texts


def _merge_dependencies(texts: _Texts) -> tuple[_Texts, tuple[str, ...]]:
    try:
        merged = dependencies.merge(*(text.decode() for text in texts))
    except UnicodeDecodeError:
        return texts, ()
    return _Texts(*(t.encode() for t in (merged.base, merged.ours, merged.new))), merged.notes
