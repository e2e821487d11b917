"""Carrying out a plan, wholly or not at all.

Everything that can fail is done first, in the git folder: objects, the new index, the new files as
they will be in the work tree, and a copy of each file that will go. Then the journal is put in
place, and what follows are renames; each can be repeated, and undone.
"""

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING

from mlops_scaffold import shell
from mlops_scaffold.errors import ScaffoldError
from mlops_scaffold.git import head, index
from mlops_scaffold.upgrade import journal, work_tree
from mlops_scaffold.upgrade.journal import Journal, Phase, Step
from mlops_scaffold.upgrade.undo import take_back

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mlops_scaffold.git.objects import Scratch
    from mlops_scaffold.git.repo import Repo
    from mlops_scaffold.upgrade.model import Plan


def apply(
    repo: Repo, store: Scratch, plan: Plan, *, versions: tuple[str, str], branch: str = ""
) -> None:
    """Carry out a plan; the repository must be locked.

    Args:
        repo: The project.
        store: Holds the objects of the plan.
        plan: Made from the project as it is.
        versions: Old and new, for the journal.
        branch: Full name of a branch to create and switch to.

    Raises:
        ScaffoldError: It could not be done; everything is as before.
    """
    try:
        with index.locked(repo):  # refused, if at all, before anything is recorded
            try:
                begun = _prepare(repo, store, plan, versions, branch)
            except BaseException:
                journal.sweep(repo)
                raise
            try:
                _carry_out(repo, begun)
            except BaseException as error:
                _undo_after(error, repo, begun)
                raise
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise ScaffoldError(
            f"cannot write in {repo.top}: {error.strerror or error}{where};"
            " everything is as before",
            hint="make room, or get the right to write there, then upgrade again",
        ) from error


def carry_on(repo: Repo, begun: Journal) -> None:
    """Do what the journal says, from wherever it was interrupted.

    Raises:
        ScaffoldError: Files were changed meanwhile, or another git process is running.
    """
    with index.locked(repo):
        changed = [step.path for step in begun.steps if _changed_since(repo, step)]
        if changed:
            raise ScaffoldError(
                "these files were changed since the upgrade was interrupted:\n"
                + "\n".join(f"  {path}" for path in changed),
                hint=f"undo it: {shell.program('upgrade', repo.folder, '--abort')}; your changes"
                " are kept as git objects",
            )
        _carry_out(repo, begun)


def _carry_out(repo: Repo, begun: Journal) -> None:
    place = journal.folder(repo)
    new_index = place / "index.new"
    if new_index.exists():
        _catch_up(repo, begun, new_index)
    for step in begun.steps:
        if not step.writes:
            work_tree.remove(repo.top / step.path)
    work_tree.prune(repo, (step.path for step in begun.steps if not step.writes))
    for step in begun.steps:
        staged = place / "stage" / step.path
        if step.writes and (staged.is_symlink() or staged.exists()):
            target = repo.top / step.path
            target.parent.mkdir(parents=True, exist_ok=True)
            work_tree.move(staged, target)
    if new_index.exists():
        index.put_in_place(repo, new_index)
    if begun.branch:
        head.switch(repo, begun.branch)
    journal.advance(repo, Phase.CONFLICTS if begun.conflicts else Phase.DONE)


def _catch_up(repo: Repo, begun: Journal, new_index: Path) -> None:
    """Take into the new index what git wrote to the index since it was copied."""
    current = repo.git_dir / "index"
    if current.read_bytes() == (journal.folder(repo) / "index.old").read_bytes():
        return
    entries = index.read_index(repo).entries
    for path in begun.after:
        before = begun.before.get(path, {}).get(0)
        if entries.get(path) != before:
            raise ScaffoldError(
                f"{path} was staged or committed while the upgrade ran",
                hint=f"undo it: {shell.program('upgrade', repo.folder, '--abort')}",
            )
    shutil.copy2(current, new_index)
    index.write_entries(repo, begun.after, {"GIT_INDEX_FILE": str(new_index)})


def _changed_since(repo: Repo, step: Step) -> bool:
    return work_tree.digest(repo.top / step.path) not in (step.before, step.after, "")


def _undo_after(error: BaseException, repo: Repo, begun: Journal) -> None:
    try:
        take_back(repo, begun)
    except (OSError, ScaffoldError) as second:
        raise ScaffoldError(
            f"the upgrade failed half-way ({error}), and so did undoing it ({second})",
            hint="put right what it says, then: "
            + shell.program("upgrade", repo.folder, "--abort"),
        ) from second


def _prepare(
    repo: Repo, store: Scratch, plan: Plan, versions: tuple[str, str], branch: str
) -> Journal:
    journal.forget(repo)  # of an upgrade that is done
    final = journal.folder(repo)
    place = final.with_suffix(".new")
    place.mkdir(parents=True)
    _bring_objects(repo, store, plan)
    _stage(repo, plan, place)
    shutil.copy2(repo.git_dir / "index", place / "index.old")
    shutil.copy2(repo.git_dir / "index", place / "index.new")
    index.write_entries(repo, plan.stages, {"GIT_INDEX_FILE": str(place / "index.new")})
    steps = _steps(repo, plan, place)
    for step in steps:
        work_tree.back_up(repo.top / step.path, place / "backup" / step.path)
    tracked = plan.index.entries
    begun = Journal(
        old=versions[0],
        new=versions[1],
        commit=repo.head,
        head=head.current(repo),
        branch=branch,
        steps=steps,
        before={p: {0: tracked[p]} for p in (*plan.stages, plan.record.path) if p in tracked},
        after=plan.stages,
        folders=_folders(repo, steps),
        conflicts=plan.conflicts,
        record=plan.record.path,
        record_text=plan.record.text.decode(),
    )
    journal.begin(begun, place)
    place.rename(final)
    return begun


def _steps(repo: Repo, plan: Plan, place: Path) -> tuple[Step, ...]:
    steps = [
        Step(
            path,
            writes=bool(entry),
            after=work_tree.digest(place / "stage" / path),
            before=work_tree.digest(repo.top / path),
        )
        for files in (plan.files, plan.copies)
        for path, entry in files.items()
    ]
    if plan.conflicts:  # written when they are resolved, but to be undone too
        path = plan.record.path
        after = hashlib.sha256(plan.record.text).hexdigest()
        before = work_tree.digest(repo.top / path)
        steps.append(Step(path, writes=True, after=after, before=before))
    return tuple(steps)


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
    """Put the new files, as they will be in the work tree, into a folder."""
    files = {path: {0: entry} for path, entry in plan.files.items() if entry}
    if files:
        env = {"GIT_INDEX_FILE": str(place / "files.index")}
        index.write_entries(repo, files, env)
        repo.run("checkout-index", "--all", f"--prefix={place / 'stage'}/", env=env)
    for path, source in plan.copies.items():
        if source:
            (place / "stage" / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, place / "stage" / path, follow_symlinks=False)


def _folders(repo: Repo, steps: Iterable[Step]) -> tuple[tuple[str, int], ...]:
    """The folders that exist above the paths, with their modes."""
    above = {parent: repo.top / parent for step in steps for parent in repo.parents(step.path)}
    return tuple((p, f.stat().st_mode & 0o7777) for p, f in above.items() if f.is_dir())
