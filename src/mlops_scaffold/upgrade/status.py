"""How a project differs from its template: for `status` and `diff`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops_scaffold import answers as answers_file
from mlops_scaffold.git.index import read_index
from mlops_scaffold.git.objects import scratch
from mlops_scaffold.git.repo import NoRepositoryError, open_repo, split
from mlops_scaffold.source.opening import recorded_version
from mlops_scaffold.upgrade import journal, plain_folder
from mlops_scaffold.upgrade.journal import Phase
from mlops_scaffold.upgrade.preflight import is_present
from mlops_scaffold.upgrade.renders import Place
from mlops_scaffold.upgrade.snapshot import snapshot
from mlops_scaffold.upgrade.untracked import content
from mlops_scaffold.upgrade.validity import why_gone

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlops_scaffold.git.objects import Scratch
    from mlops_scaffold.git.repo import Repo
    from mlops_scaffold.upgrade.renders import Renders


@dataclass(frozen=True)
class Differences:
    """What the owner changed since the recorded version; paths of the project, sorted."""

    edited: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    added: tuple[str, ...] = ()


@dataclass(frozen=True)
class Status:
    """What a project records, what is available, and what its owner changed."""

    project: Path
    source: str
    version: str
    newest: str
    update: bool  # whether the newest is newer
    unfinished: str  # like "0.1.0 -> 0.2.0 (conflicts)"; "" if no upgrade is under way
    answers: Mapping[str, Any]
    skip: tuple[str, ...]  # files that upgrades leave alone, as in .gitignore
    differences: Differences


@dataclass(frozen=True)
class Difference:
    """The owner's changes against the recorded version."""

    project: Path
    version: str
    files: Differences
    text: bytes  # as `git diff` shows them


def status(project: Path, renders: Renders, *, name: str = answers_file.FILE_NAME) -> Status:
    """Compare a project with the template version it records.

    Args:
        project: Its folder; it need not be under git.
        renders: Shared with the other projects of the run.
        name: Of the answers file.

    Raises:
        ScaffoldError: It is not a generated project, or its version is unknown.
    """
    recorded = answers_file.read(project, name)
    repo = _repo_of(project)
    origin = renders.source(recorded)
    version = recorded_version(origin, recorded)
    newest = max(version, origin.newest())
    place = Place.of(project, recorded)
    base = renders.render(renders.tree(origin, version), recorded.answers, place=place)
    return Status(
        project=project,
        source=recorded.url,
        version=str(version),
        newest=str(newest),
        update=newest > version,
        unfinished=_unfinished(repo) if repo else "",
        answers=recorded.answers,
        skip=recorded.skip,
        differences=differences(project, repo, base.folder, recorded.name),
    )


def difference(
    project: Path,
    renders: Renders,
    *,
    colour: bool = False,
    name: str = answers_file.FILE_NAME,
) -> Difference:
    """The owner's changes against the recorded version.

    Raises:
        ScaffoldError: As `status`.
    """
    recorded = answers_file.read(project, name)
    repo = _repo_of(project)
    origin = renders.source(recorded)
    version = recorded_version(origin, recorded)
    place = Place.of(project, recorded)
    base = renders.render(renders.tree(origin, version), recorded.answers, place=place).folder
    files = differences(project, repo, base, recorded.name)
    if repo is None:
        text = plain_folder.diff(base, project, (*files.edited, *files.deleted), colour=colour)
    else:
        text = _diff(repo, base, recorded.name, colour=colour)
    return Difference(project, str(version), files, text)


def _repo_of(project: Path) -> Repo | None:
    try:
        return open_repo(project)
    except NoRepositoryError:
        return None


def _unfinished(repo: Repo) -> str:
    found = journal.load(repo)
    if found is None or found[0] is Phase.DONE or why_gone(repo, *found):
        return ""
    phase, begun = found
    return f"{begun.old} -> {begun.new} ({phase})"


def differences(project: Path, repo: Repo | None, base: Path, name: str) -> Differences:
    """What differs between a project and a render.

    Args:
        project: Its folder.
        repo: Its repository; None if it is not under git.
        base: The rendered folder.
        name: Of the answers file, which is left out.
    """
    if repo is None:
        edited, deleted, added = plain_folder.compare(base, project, own=name)
    else:
        with scratch(repo) as store:
            edited, deleted, added = _compare(repo, store, base, name)
    return Differences(*(tuple(sorted(paths)) for paths in (edited, deleted, added)))


def _compare(
    repo: Repo, store: Scratch, base: Path, name: str
) -> tuple[set[str], set[str], set[str]]:
    """Paths of the project that were edited, deleted and added."""
    tree, untracked = _rendered_tree(repo, store, base)
    limits = _limits(repo, name)
    command = ("diff", "--name-status", "-z", "--no-renames", tree, "--", *limits)
    fields = split(repo.run(*command, env=store.env))
    edited, deleted, added = set[str](), set[str](), set[str]()
    for kind, path in zip(fields[::2], fields[1::2], strict=True):
        {"A": added, "D": deleted}.get(kind, edited).add(repo.inside(path))
    here = {repo.inside(path) for path in untracked}
    edited |= {path for path in here if content(repo.project / path) != content(base / path)}
    others = ("ls-files", "-z", "--others", "--exclude-standard", "--", *limits)
    added |= {repo.inside(path) for path in split(repo.run(*others))} - here
    return edited, deleted, added


def _diff(repo: Repo, base: Path, name: str, *, colour: bool) -> bytes:
    command = ["diff", "--no-ext-diff", "--no-textconv", "-M"]
    command += [f"--color={'always' if colour else 'never'}"]
    command += [f"--relative={repo.prefix}"] if repo.prefix else []
    with scratch(repo) as store:
        tree, _ = _rendered_tree(repo, store, base)
        return repo.run(*command, tree, "--", *_limits(repo, name), env=store.env)


def _rendered_tree(repo: Repo, store: Scratch, base: Path) -> tuple[str, set[str]]:
    """The recorded render as a tree, less those of its files that are there untracked."""
    index = read_index(repo)
    entries = snapshot(repo, base, store, frozenset())
    entries.pop(repo.prefix + answers_file.FILE_NAME, None)
    known = {*index.entries, *index.unmerged}
    untracked = {path for path in entries.keys() - known if is_present(repo, path)}
    return store.tree({p: e for p, e in entries.items() if p not in untracked}), untracked


def _limits(repo: Repo, name: str) -> tuple[str, str]:
    """Limits git to the project, less the answers file, which is ours."""
    return repo.pathspec, f":(top,exclude,literal){repo.prefix}{name}"
