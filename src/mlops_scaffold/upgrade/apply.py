"""Carrying out a plan so that it happens wholly or not at all.

Everything that can fail is done first, in the git folder: objects, the new index, the new files as
they will stand in the work tree, and a copy of each file that will go. Then the record is put in
place, and what follows are renames; each can be repeated, and undone.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from mlops_scaffold.errors import ScaffoldError
from mlops_scaffold.git import head
from mlops_scaffold.git.command import GitError
from mlops_scaffold.git.objects import Entry
from mlops_scaffold.upgrade import journal
from mlops_scaffold.upgrade.journal import State, Step

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping
    from pathlib import Path

    from mlops_scaffold.git.objects import Scratch
    from mlops_scaffold.git.repo import Repo
    from mlops_scaffold.upgrade.model import Plan

_OURS = b"mlops-scaffold"  # in index.lock: a stale one of ours is known for what it is


def apply(
    repo: Repo, store: Scratch, plan: Plan, *, versions: tuple[str, str], branch: str = ""
) -> None:
    """Carry out a plan; the repository must be locked.

    Args:
        repo: The project.
        store: Holds the objects of the plan.
        plan: Made from the project as it stands.
        versions: Old and new, for the record.
        branch: Full name of a branch to make and switch to.

    Raises:
        ScaffoldError: It could not be done; all is as before.
    """
    try:
        begun = _prepare(repo, store, plan, versions, branch)
    except OSError as error:
        journal.sweep(repo)
        raise _failed(repo, error) from error
    except BaseException:
        journal.sweep(repo)
        raise
    try:
        perform(repo, begun)
    except BaseException as error:
        try:
            undo(repo, begun)
        except (OSError, GitError) as second:
            raise ScaffoldError(
                f"the upgrade broke off half-way ({error}), and so did undoing it ({second})",
                hint="put right what it says, then: mlops-scaffold upgrade --abort",
            ) from second
        if isinstance(error, OSError):
            raise _failed(repo, error) from error
        raise


def perform(repo: Repo, begun: State) -> None:
    """Do what is recorded, from wherever it was broken off."""
    place = journal.folder(repo)
    with _index_lock(repo):
        renewed = place / "index.new"
        index = repo.git_dir / "index"
        if renewed.exists() and index.read_bytes() != (place / "index.old").read_bytes():
            raise ScaffoldError(f"{index} changed while the upgrade ran", hint="try again")
        for step in begun.steps:
            if not step.writes:
                _remove(repo, step.path)
        _prune(repo, (step.path for step in begun.steps if not step.writes))
        for step in begun.steps:
            staged = place / "stage" / step.path
            if step.writes and os.path.lexists(staged):
                target = repo.top / step.path
                target.parent.mkdir(parents=True, exist_ok=True)
                _move(staged, target)
        if renewed.exists():
            # Left by a git that was killed here before; nobody else writes in this folder.
            (place / "index.new.lock").unlink(missing_ok=True)
            env = {"GIT_INDEX_FILE": str(renewed)}
            repo.run("update-index", "-q", "--refresh", env=env, expect=(0, 1))
            renewed.replace(index)
    if begun.branch:
        head.switch(repo, begun.branch)
    if begun.conflicts:
        journal.save(_waiting(begun), place)
    else:
        journal.forget(repo)


def undo(repo: Repo, begun: State) -> dict[str, str]:
    """Bring files and index back to what they were before the upgrade.

    Returns:
        Path -> id of the git blob that holds what was written there since by other hands.
    """
    place = journal.folder(repo)
    journal.turn_back(repo)
    rescued = _rescue(repo, begun)
    with _index_lock(repo):
        for step in begun.steps:
            _clear_draft(repo.top / step.path)
            if not step.before:
                _remove(repo, step.path)
        modes = dict(begun.folders)
        _prune(repo, (step.path for step in begun.steps if step.writes), keep=modes)
        for step in begun.steps:
            backup = place / "backup" / step.path
            if os.path.lexists(backup) and not _same(backup, repo.top / step.path):
                _make_parents(repo, step.path, modes)
                _move(backup, repo.top / step.path)
    if not (place / "index.new").exists():  # else the index was never touched
        entries = {path: {0: Entry(mode, oid)} for path, mode, oid in begun.index}
        update_index(repo, {path: entries.get(path, {}) for path in begun.paths})
        repo.run("update-index", "-q", "--refresh", expect=(0, 1))
    if begun.branch:
        head.switch_back(repo, begun.branch, begun.head)
    journal.forget(repo)
    return rescued


def record_version(repo: Repo, begun: State) -> None:
    """Write the answers file of the new version; the last step of an upgrade with conflicts."""
    file = repo.top / begun.record
    if file.is_symlink():
        raise ScaffoldError(f"{file} is a symbolic link; it must be a plain file")
    tracked = bool(repo.run("ls-files", "-z", "--", f":(top,literal){begun.record}"))
    _draft(file).write_bytes(begun.record_text.encode())
    _draft(file).replace(file)
    if tracked:
        repo.run("update-index", "--add", "-z", "--stdin", stdin=os.fsencode(begun.record) + b"\0")


def update_index(
    repo: Repo, stages: Mapping[str, Mapping[int, Entry]], env: Mapping[str, str] | None = None
) -> None:
    """Replace what the index says of some paths."""
    nothing = "0" * (64 if repo.algorithm == "sha256" else 40)
    gone = [f"0 {nothing}\t{path}\0" for path in stages]
    rows = [
        f"{entry.mode} {entry.oid} {stage}\t{path}\0"
        for path, entries in stages.items()
        for stage, entry in entries.items()
    ]
    listing = os.fsencode("".join([*gone, *rows]))
    repo.run("update-index", "-z", "--index-info", stdin=listing, env=env)


def _prepare(
    repo: Repo, store: Scratch, plan: Plan, versions: tuple[str, str], branch: str
) -> State:
    journal.sweep(repo)
    final = journal.folder(repo)
    place = final.with_suffix(".new")
    place.mkdir(parents=True)
    _bring_objects(repo, store, plan)
    _stage(repo, plan, place)
    shutil.copy2(repo.git_dir / "index", place / "index.old")
    shutil.copy2(repo.git_dir / "index", place / "index.new")
    update_index(repo, plan.stages, {"GIT_INDEX_FILE": str(place / "index.new")})
    steps = [
        Step(path, bool(entry), _digest(place / "stage" / path), _digest(repo.top / path))
        for files in (plan.files, plan.loose)
        for path, entry in files.items()
    ]
    for step in steps:
        _back_up(repo.top / step.path, place / "backup" / step.path)
    begun = State(
        phase=journal.APPLYING,
        old=versions[0],
        new=versions[1],
        steps=tuple(steps),
        index=_entries(plan),
        paths=tuple(plan.stages),
        folders=_folders(repo, steps),
        conflicts=plan.conflicts,
        record=plan.record,
        record_text=plan.record_text.decode(),
        head=head.current(repo),
        branch=branch,
    )
    journal.save(begun, place)
    place.rename(final)
    return begun


def _bring_objects(repo: Repo, store: Scratch, plan: Plan) -> None:
    """Copy what the index will name from the scratch store into the project's."""
    wanted = {entry.oid for entries in plan.stages.values() for entry in entries.values()}
    wanted |= {entry.oid for entry in plan.files.values() if entry}
    new = sorted(oid for oid in wanted if store.holds(oid))
    if new:
        listing = "".join(f"{oid}\n" for oid in new).encode()
        pack = repo.run("pack-objects", "--stdout", "-q", stdin=listing, env=store.env)
        repo.run("unpack-objects", "-q", stdin=pack)


def _stage(repo: Repo, plan: Plan, place: Path) -> None:
    """Put the new files, as they will stand in the work tree, into a folder."""
    files = {path: {0: entry} for path, entry in plan.files.items() if entry}
    if files:
        env = {"GIT_INDEX_FILE": str(place / "files.index")}
        update_index(repo, files, env)
        repo.run("checkout-index", "--all", f"--prefix={place / 'stage'}/", env=env)
    for path, source in plan.loose.items():
        if source:
            (place / "stage" / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, place / "stage" / path, follow_symlinks=False)


def _back_up(source: Path, backup: Path) -> None:
    """Keep the file or link that stands at a path, if one does."""
    linked = source.is_symlink()
    if not linked and not source.is_file():
        return
    backup.parent.mkdir(parents=True, exist_ok=True)
    if not linked:
        with suppress(OSError):  # another disk, another owner
            backup.hardlink_to(source)  # costs no space, and keeps the file's every property
            return
    shutil.copy2(source, backup, follow_symlinks=False)


def _folders(repo: Repo, steps: Iterable[Step]) -> tuple[tuple[str, int], ...]:
    """The folders that there are above the paths, with their modes."""
    above = {parent: repo.top / parent for step in steps for parent in _parents(repo, step.path)}
    return tuple((p, f.stat().st_mode & 0o7777) for p, f in above.items() if f.is_dir())


def _entries(plan: Plan) -> tuple[tuple[str, str, str], ...]:
    return tuple((p, *entry) for p, entry in plan.tracked.items() if p in plan.stages)


def _rescue(repo: Repo, begun: State) -> dict[str, str]:
    """Store files that were changed since the upgrade wrote them, before they are put back."""
    changed: dict[str, str] = {}
    for step in begun.steps:
        target = repo.top / step.path
        if target.is_symlink() or not target.is_file():
            continue
        if _digest(target) not in (step.digest, step.before):
            command = ("hash-object", "-w", "--no-filters", "--stdin")
            changed[step.path] = repo.run(*command, stdin=target.read_bytes()).decode().strip()
    return changed


def _digest(file: Path) -> str:
    """SHA-256 of a file's content or a link's target; "" if neither is there."""
    if file.is_symlink():
        return hashlib.sha256(os.fsencode(file.readlink())).hexdigest()
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""


def _remove(repo: Repo, path: str) -> None:
    """Remove a file or link, unless a folder took its place already."""
    target = repo.top / path
    if target.is_symlink() or target.is_file():
        target.unlink()


def _prune(repo: Repo, paths: Iterable[str], *, keep: Container[str] = ()) -> None:
    """Remove folders that lost their last file."""
    parents = {parent for path in paths for parent in _parents(repo, path)}
    for parent in sorted((p for p in parents if p not in keep), reverse=True):
        with suppress(OSError):  # not empty, or gone
            (repo.top / parent).rmdir()


def _make_parents(repo: Repo, path: str, modes: Mapping[str, int]) -> None:
    for parent in _parents(repo, path):
        target = repo.top / parent
        if not target.exists():
            target.mkdir()
            target.chmod(modes.get(parent, 0o755))


def _parents(repo: Repo, path: str) -> list[str]:
    """The folders of the project above a path, outermost first."""
    inside = path.removeprefix(repo.prefix).split("/")[:-1]
    return [repo.prefix + "/".join(inside[:depth]) for depth in range(1, len(inside) + 1)]


def _draft(target: Path) -> Path:
    return target.with_name(f".{target.name}.mlops-scaffold")


def _clear_draft(target: Path) -> None:
    if os.path.lexists(_draft(target)):
        _draft(target).unlink()


def _same(one: Path, other: Path) -> bool:
    """Whether both are one file under two names, or alike: then there is nothing to put back."""
    try:
        mine, theirs = one.lstat(), other.lstat()
    except OSError:
        return False
    alike = mine.st_mode == theirs.st_mode and _digest(one) == _digest(other)
    return os.path.samestat(mine, theirs) or alike


def _move(source: Path, target: Path) -> None:
    """Move a file in one step, also when the git folder is on another disk."""
    try:
        source.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        shutil.copy2(source, _draft(target), follow_symlinks=False)
        _draft(target).replace(target)
        source.unlink()


class _index_lock:  # noqa: N801 - used like the function it would be
    """Hold git's own lock on the index, so that no git command runs in between."""

    def __init__(self, repo: Repo) -> None:
        self.file = repo.git_dir / "index.lock"

    def __enter__(self) -> None:
        if self.file.exists() and self.file.read_bytes() == _OURS:
            self.file.unlink()  # of an upgrade that was killed: the repository is locked by us now
        try:
            with self.file.open("xb") as lock:
                lock.write(_OURS)
        except FileExistsError as error:
            raise ScaffoldError(
                f"another git process is at work: {self.file} exists",
                hint="wait until it has ended; if none is running, remove that file",
            ) from error

    def __exit__(self, *_: object) -> None:
        self.file.unlink(missing_ok=True)


def _waiting(begun: State) -> State:
    return replace(begun, phase=journal.CONFLICTS)


def _failed(repo: Repo, error: OSError) -> ScaffoldError:
    where = f" ({error.filename})" if error.filename else ""
    return ScaffoldError(
        f"cannot write in {repo.top}: {error.strerror or error}{where}; all is as before",
        hint="make room, or get the right to write there, then upgrade again",
    )
