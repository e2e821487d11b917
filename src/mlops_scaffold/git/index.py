"""Git's index: what it holds of the project, changes to it, and the lock that git itself takes."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from mlops_scaffold.errors import ScaffoldError
from mlops_scaffold.git.objects import Entry
from mlops_scaffold.git.repo import split

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mlops_scaffold.git.repo import Repo

    Stages: TypeAlias = Mapping[str, Mapping[int, Entry]]  # path -> stage -> entry; {}: not there

_LOCK_CONTENT = b"mlops-scaffold"  # tells a lock that a killed upgrade left from one of git's


class Index(NamedTuple):
    """The project's part of the index."""

    entries: Mapping[str, Entry]  # stage 0: what is committed, once the tree is known to be clean
    unmerged: Stages
    assumed: frozenset[str]  # assume-unchanged: git doesn't look at these files
    skipped: frozenset[str]  # skip-worktree and sparse: nor at these

    @property
    def hidden(self) -> frozenset[str]:
        """Files that git was told not to look at."""
        return self.assumed | self.skipped


def read_index(repo: Repo) -> Index:
    """Read what git tracks of the project."""
    listing = repo.run("ls-files", "-z", "-v", "--stage", "--", repo.pathspec)
    entries: dict[str, Entry] = {}
    unmerged: dict[str, dict[int, Entry]] = {}
    assumed, skipped = set[str](), set[str]()
    for line in split(listing):
        info, _, path = line.partition("\t")
        tag, mode, oid, stage = info.split(" ")
        if stage == "0":
            entries[path] = Entry(mode, oid)
        else:
            unmerged.setdefault(path, {})[int(stage)] = Entry(mode, oid)
        if tag in ("S", "s"):
            skipped.add(path)
        if tag in ("h", "s"):
            assumed.add(path)
    return Index(entries, unmerged, frozenset(assumed), frozenset(skipped))


def resolved(repo: Repo) -> dict[str, dict[int, Entry]]:
    """The stages of conflicts that were resolved in the index as it is.

    Git remembers them until the index is reset or committed.
    """
    found: dict[str, dict[int, Entry]] = {}
    for line in split(repo.run("ls-files", "-z", "--resolve-undo", "--", repo.pathspec)):
        info, _, path = line.partition("\t")
        mode, oid, stage = info.split(" ")
        found.setdefault(path, {})[int(stage)] = Entry(mode, oid)
    return found


def uncommitted(repo: Repo) -> tuple[str, ...]:
    """Tracked files of the project with changes that are not committed, staged or not."""
    # `git diff HEAD` would miss a change that is staged and undone in the work tree.
    listing = repo.run(
        *("status", "--porcelain=v2", "-z", "--untracked-files=no", "--no-renames"),
        *("--", repo.pathspec),
    )
    return tuple(line.split(" ", 10 if line[0] == "u" else 8)[-1] for line in split(listing))


def write_entries(repo: Repo, stages: Stages, env: Mapping[str, str] | None = None) -> None:
    """Replace what the index says of some paths."""
    nothing = "0" * (64 if repo.algorithm == "sha256" else 40)
    removed = [f"0 {nothing}\t{path}\0" for path in stages]
    rows = [
        f"{entry.mode} {entry.oid} {stage}\t{path}\0"
        for path, entries in stages.items()
        for stage, entry in entries.items()
    ]
    listing = os.fsencode("".join([*removed, *rows]))
    repo.run("update-index", "-z", "--index-info", stdin=listing, env=env)


def replace_entries(repo: Repo, stages: Stages, draft: Path) -> None:
    """As `write_entries` in a copy of the index at `draft`, which then takes the index's place.

    For use while `locked`: git itself could not write the index then.
    """
    shutil.copy2(repo.git_dir / "index", draft)
    write_entries(repo, stages, {"GIT_INDEX_FILE": str(draft)})
    put_in_place(repo, draft)


def put_in_place(repo: Repo, draft: Path) -> None:
    """Make a file the index, after comparing it with the work tree as `git status` does."""
    # A git that was killed here before may have left this; no one else writes in this folder.
    draft.with_name(f"{draft.name}.lock").unlink(missing_ok=True)
    env = {"GIT_INDEX_FILE": str(draft)}
    repo.run("update-index", "-q", "--refresh", env=env, expect=(0, 1))
    draft.replace(repo.git_dir / "index")


@contextmanager
def locked(repo: Repo) -> Iterator[None]:
    """Hold git's own lock on the index, so that no git command changes it meanwhile.

    Raises:
        ScaffoldError: Another git process holds it.
    """
    file = repo.git_dir / "index.lock"
    if file.is_file() and file.read_bytes() == _LOCK_CONTENT:
        file.unlink()  # its upgrade was killed: this one holds the repository's lock
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    except FileExistsError as error:
        raise ScaffoldError(
            f"another git process is running: {file} exists",
            hint="wait until it has ended; if none is running, remove that file",
        ) from error
    try:
        try:
            os.write(handle, _LOCK_CONTENT)
        finally:
            os.close(handle)
        yield
    finally:
        file.unlink(missing_ok=True)
