"""The files of one commit, written to a folder with nothing of git's conveniences in between.

Neither `git archive` (export-ignore, export-subst) nor a checkout (filters, end-of-line rules) gives
the bytes that were committed; reading objects does.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_scaffold import git
from mlops_scaffold.errors import ScaffoldError
from mlops_scaffold.paths import like_git_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINK, _SUBMODULE, _EXECUTABLE = "120000", "160000", "100755"


def export(repo: Path, commit: str, into: Path, *, max_bytes: int, max_files: int) -> None:
    """Write the files of `commit` under `into`, which must not exist yet.

    Submodules are left out. A symbolic link is written as one; whoever uses the folder checks where
    it leads.

    Raises:
        ScaffoldError: More than `max_files` or `max_bytes`, or a name no system should write.
    """
    entries = tuple(_entries(repo, commit))
    if len(entries) > max_files:
        raise ScaffoldError(f"the catalog holds {len(entries)} files; at most {max_files} are read")
    if (total := sum(size for _, _, size, _ in entries)) > max_bytes:
        raise ScaffoldError(f"the catalog holds {total} bytes; at most {max_bytes} are read")
    into.mkdir(parents=True)
    contents = _contents(repo, [sha for _, sha, _, _ in entries])
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


def _contents(repo: Path, shas: list[str]) -> Iterator[bytes]:
    request = "".join(f"{sha}\n" for sha in shas).encode()
    answer = memoryview(git.run("cat-file", "--batch", "--buffer", cwd=repo, stdin=request))
    at = 0
    for _ in shas:
        end = at + bytes(answer[at : at + 200]).index(b"\n")
        size = int(bytes(answer[at:end]).split()[2])
        yield bytes(answer[end + 1 : end + 1 + size])
        at = end + 1 + size + 1
