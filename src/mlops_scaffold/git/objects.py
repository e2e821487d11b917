"""Git objects, written into a scratch store that reads through to the project's own.

Planning a merge needs a few hundred blobs, trees and commits. Writing them as loose objects takes
one `zlib.compress` each, where asking git takes a process for every step. The scratch store is
outside the project, so a preview leaves nothing in it, not even objects.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from mlops_scaffold.files import staging

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mlops_scaffold.git.repo import Repo

FILE, PROGRAM, LINK, SUBMODULE, _FOLDER = "100644", "100755", "120000", "160000", "40000"


class Entry(NamedTuple):
    """What git knows of one path: its mode (like "100644") and object id."""

    mode: str
    oid: str


@dataclass(frozen=True)
class Scratch:
    """A temporary object store on top of the project's."""

    root: Path
    algorithm: str
    env: Mapping[str, str]
    _written: set[str] = field(default_factory=set)

    def blob(self, data: bytes, *, known: frozenset[str] = frozenset()) -> str:
        """Store file content, unless it is `known` to be in the project's store; return its id."""
        return self._put("blob", data, known)

    def tree(self, entries: Mapping[str, Entry]) -> str:
        """Store a tree with everything below it; return its id."""
        folders: dict[str, dict[str, Entry]] = {}
        leaves: dict[str, Entry] = {}
        for path, entry in entries.items():
            head, slash, rest = path.partition("/")
            if slash:
                folders.setdefault(head, {})[rest] = entry
            else:
                leaves[head] = entry
        for name, below in folders.items():
            leaves[name] = Entry(_FOLDER, self.tree(below))
        # Git sorts a folder as if its name ended in a slash.
        rows = sorted(
            (os.fsencode(name + "/" * (entry.mode == _FOLDER)), os.fsencode(name), entry)
            for name, entry in leaves.items()
        )
        data = b"".join(
            b"%s %s\0%s" % (e.mode.encode(), n, bytes.fromhex(e.oid)) for _, n, e in rows
        )
        return self._put("tree", data)

    def commit(self, tree: str, *parents: str) -> str:
        """Store a commit, which only merges read; return its id."""
        lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
        lines += [f"{role} mlops-scaffold <> 0 +0000" for role in ("author", "committer")]
        return self._put("commit", "\n".join([*lines, "", ""]).encode())

    def holds(self, oid: str) -> bool:
        """Whether an object was written here (and so may not be in the project's store)."""
        return (self.root / "objects" / oid[:2] / oid[2:]).exists()

    def _put(self, kind: str, data: bytes, known: frozenset[str] = frozenset()) -> str:
        whole = b"%s %d\0%s" % (kind.encode(), len(data), data)
        oid = hashlib.new(self.algorithm, whole, usedforsecurity=False).hexdigest()
        if oid not in known and oid not in self._written:
            folder = self.root / "objects" / oid[:2]
            folder.mkdir(exist_ok=True)
            (folder / oid[2:]).write_bytes(zlib.compress(whole, 1))
            self._written.add(oid)
        return oid


@contextmanager
def scratch(repo: Repo) -> Iterator[Scratch]:
    """A scratch store for `repo`, removed at the end of the context."""
    with staging.temporary() as root:
        info = root / "objects" / "info"
        info.mkdir(parents=True)
        (info / "alternates").write_bytes(os.fsencode(repo.objects) + b"\n")
        yield Scratch(root, repo.algorithm, {"GIT_OBJECT_DIRECTORY": str(root / "objects")})
