"""Where a project stands against the template it came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops_scaffold import answers as answers_file
from mlops_scaffold.git import repo as upgrade_git
from mlops_scaffold.git.objects import scratch
from mlops_scaffold.git.repo import split
from mlops_scaffold.source.opening import recorded_version
from mlops_scaffold.upgrade import journal, untracked_files
from mlops_scaffold.upgrade.preflight import stands
from mlops_scaffold.upgrade.snapshot import pathspec, read_index, snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlops_scaffold.git.objects import Scratch
    from mlops_scaffold.git.repo import Repo
    from mlops_scaffold.upgrade.renders import Renders


@dataclass(frozen=True)
class Status:
    """What a project records, what there is, and what its owner changed."""

    project: Path
    source: str
    version: str
    newest: str
    update: bool  # whether the newest is newer
    unfinished: str  # like "0.1.0 -> 0.2.0 (conflicts)"; "" if no upgrade is under way
    answers: Mapping[str, Any]
    edited: tuple[str, ...]  # paths of the project, as it stands in the work tree
    deleted: tuple[str, ...]
    added: tuple[str, ...]


def status(project: Path, renders: Renders) -> Status:
    """Compare a project with the template version it records.

    Raises:
        ScaffoldError: It is no generated project, or its version is unknown.
    """
    recorded = answers_file.read(project)
    repo = upgrade_git.open_repo(project)
    origin = renders.source(recorded)
    version = recorded_version(origin, recorded)
    newest = max(version, origin.newest())
    begun = journal.load(repo)
    base = renders.render(renders.tree(origin, version), recorded.answers)
    with scratch(repo) as store:
        edited, deleted, added = _differences(repo, store, base.folder)
    return Status(
        project=project,
        source=recorded.url,
        version=str(version),
        newest=str(newest),
        update=newest > version,
        unfinished=f"{begun.old} -> {begun.new} ({begun.phase})" if begun else "",
        answers=recorded.answers,
        edited=edited,
        deleted=deleted,
        added=added,
    )


def difference(project: Path, renders: Renders, *, colour: bool = False) -> bytes:
    """The owner's changes against the recorded version, as `git diff` shows them.

    Raises:
        ScaffoldError: As `status`.
    """
    recorded = answers_file.read(project)
    repo = upgrade_git.open_repo(project)
    origin = renders.source(recorded)
    version = recorded_version(origin, recorded)
    base = renders.render(renders.tree(origin, version), recorded.answers)
    with scratch(repo) as store:
        command = ["diff", "--no-ext-diff", "--no-textconv", "-M"]
        command += [f"--color={'always' if colour else 'never'}"]
        command += [f"--relative={repo.prefix}"] if repo.prefix else []
        tree, _ = _base(repo, store, base.folder)
        return repo.run(*command, tree, "--", *_where(repo), env=store.env)


def _differences(
    repo: Repo, store: Scratch, base: Path
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Paths of the project that were edited, deleted and added."""
    tree, untracked = _base(repo, store, base)
    command = ("diff", "--name-status", "-z", "--no-renames", tree, "--", *_where(repo))
    fields = split(repo.run(*command, env=store.env))
    edited, deleted, added = set[str](), set[str](), set[str]()
    for kind, path in zip(fields[::2], fields[1::2], strict=True):
        {"A": added, "D": deleted}.get(kind, edited).add(path)
    for path in untracked:
        inside = path.removeprefix(repo.prefix)
        if untracked_files.content(repo.project / inside) != untracked_files.content(base / inside):
            edited.add(path)
    others = ("ls-files", "-z", "--others", "--exclude-standard", "--", *_where(repo))
    added |= {*split(repo.run(*others))} - untracked

    def within(paths: set[str]) -> tuple[str, ...]:
        return tuple(sorted(path.removeprefix(repo.prefix) for path in paths))

    return within(edited), within(deleted), within(added)


def _base(repo: Repo, store: Scratch, base: Path) -> tuple[str, set[str]]:
    """The recorded render as a tree; and those of its files that stand there untracked."""
    tracked = read_index(repo)
    entries = snapshot(repo, base, store, frozenset())
    entries.pop(repo.prefix + answers_file.FILE_NAME, None)
    known = {*tracked.entries, *tracked.unmerged}
    untracked = {path for path in entries.keys() - known if stands(repo, path)}
    return store.tree({p: e for p, e in entries.items() if p not in untracked}), untracked


def _where(repo: Repo) -> tuple[str, str]:
    """Limits git to the project, less the answers file: that is ours."""
    record = repo.prefix + answers_file.FILE_NAME
    return pathspec(repo), f":(top,exclude,literal){record}"
