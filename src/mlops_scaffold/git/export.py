"""The files of one commit, written to a folder with nothing of git's conveniences in between.

Neither `git archive` (export-ignore, export-subst) nor a checkout (filters, end-of-line rules)
gives the bytes that were committed; reading objects does.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlops_scaffold.errors import ScaffoldError
from mlops_scaffold.files.portable import like_git_folder
from mlops_scaffold.git import blobs
from mlops_scaffold.git import command as git

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LINK, _SUBMODULE, _EXECUTABLE = "120000", "160000", "100755"


MAX_BYTES = 64 * 1024 * 1024
MAX_FILES = 10_000


def export(repo: Path, commit: str, into: Path) -> None:
    """Write the files of `commit` under `into`, which must not exist yet.

    Submodules are left out. A symbolic link is written as one; whoever uses the folder checks where
    it leads.

    Raises:
        ScaffoldError: More than `MAX_FILES` or `MAX_BYTES`, or a name that no system should write.
    """
    entries = tuple(_entries(repo, commit))
    check_size(len(entries), sum(size for _, _, size, _ in entries))
    into.mkdir(parents=True)
    contents = blobs.read([sha for _, sha, _, _ in entries], cwd=repo)
    links: list[tuple[Path, str]] = []
    for (mode, _, _, name), content in zip(entries, contents, strict=True):
        target = into / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if mode == _LINK:
            links.append((target, content.decode(errors="surrogateescape")))
            continue
        target.write_bytes(content)
        target.chmod(0o755 if mode == _EXECUTABLE else 0o644)
    for link, leads_to in links:  # last, so that no file is ever written through one
        link.symlink_to(leads_to)


def check_size(files: int, size: int) -> None:
    """Refuse a catalog of more files or bytes than anyone's templates need.

    Raises:
        ScaffoldError: It is too large.
    """
    if files > MAX_FILES or size > MAX_BYTES:
        raise ScaffoldError(
            f"the catalog is too large: {files} files of {size:,} bytes in all"
            f" (at most {MAX_FILES:,} files and {MAX_BYTES:,} bytes)"
        )


def _entries(repo: Path, commit: str) -> Iterator[tuple[str, str, int, str]]:
    listing = git.run("ls-tree", "-r", "-z", "--long", "--full-tree", commit, cwd=repo)
    for line in listing.split(b"\0")[:-1]:
        meta, raw = line.split(b"\t", 1)
        mode, _, sha, size = meta.decode().split()
        if mode == _SUBMODULE:
            continue
        name = raw.decode(errors="surrogateescape")
        # Jinja in names is fine here; what it renders to is checked later.
        if any(part == ".." or like_git_folder(part) for part in re.split(r"[/\\]", name)):
            raise ScaffoldError(f"the catalog holds a path that is refused: {name!r}")
        yield mode, sha, int(size), name
