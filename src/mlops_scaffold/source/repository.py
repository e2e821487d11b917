"""A git repository as a source: its PEP 440 tags are its versions, any other commit is unreleased.

Git reaches it with the user's own access: credentials, proxies, configuration from files and from
the environment. What it brings is not trusted: no submodules, no hooks, plain objects only.
"""

from __future__ import annotations

import contextlib
import os
import re
import weakref
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from packaging.version import InvalidVersion, Version

from mlops_scaffold.errors import ScaffoldError, did_you_mean
from mlops_scaffold.files import staging
from mlops_scaffold.git import command as git
from mlops_scaffold.git import export
from mlops_scaffold.source.base import (
    TemplateTree,
    UnreachableCatalogError,
    catalog_parts,
    listed,
    tree_digest,
    without_scratch_paths,
)
from mlops_scaffold.source.folder import UNVERSIONED, FolderSource
from mlops_scaffold.source.untrusted import check_tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlops_scaffold.source.location import Location

WORKING_TREE = "working-tree"
"""What `--version` calls the files of a repository on this machine as they are now."""

_TRANSPORT_SECONDS = 300.0
_TAGS, _HEADS, _PEELED = "refs/tags/", "refs/heads/", "^{}"
_WANTED = "refs/wanted"
# `v1.0.0-3-gabc1234` (git describe, and so Copier), `1.0.0+3.gabc1234` (ours), a bare commit id.
_COMMIT = re.compile(r"(?:.*[-.]g)?(?P<id>[0-9a-f]{7,64})")
_SHORT = ("-c", "core.abbrev=auto")  # ids as long as this repository needs them
_SHA256_DIGITS = 64


class _Unreleased(NamedTuple):
    """A commit without a version tag; without an id, the working tree."""

    commit: str
    ref: str


@dataclass(frozen=True)
class RepositorySource:
    """A git repository. Nothing is kept: a call asks it, and fetches as little as it needs."""

    location: Location
    _unreleased: dict[Version, _Unreleased] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )

    @property
    def url(self) -> str:
        """See `Source.url`."""
        return self.location.url

    def has_commits(self) -> bool:
        """Whether anything was ever committed to it."""
        return bool(self._refs)

    def versions(self) -> tuple[Version, ...]:
        """Its PEP 440 tags."""
        return tuple(sorted(self._tags, key=lambda version: (not version.is_prerelease, version)))

    def newest(self) -> Version:
        """See `Source.newest`; the newest commit where no version is tagged."""
        released = self.versions()
        return released[-1] if released else self.find("HEAD")

    def find(self, text: str) -> Version:
        """See `Source.find`."""
        wanted = _version(text)
        if wanted and wanted in self._tags and self._tags_agree(text, self._tags[wanted]):
            return next(version for version in self._tags if version == wanted)
        if commit := self._commit(text):
            return self._version_of(commit)
        if self._checkout:
            state = FolderSource(self._checkout, self.url).newest()
            if text == WORKING_TREE or wanted == state:
                self._unreleased[state] = _Unreleased("", f"v{state}")
                return state
        raise self._unknown(text, wanted)

    @contextlib.contextmanager
    def tree(self, version: Version | None = None) -> Iterator[TemplateTree]:
        """See `Source.tree`."""
        chosen = self._default() if version is None else version
        if chosen not in self._tags and chosen not in self._unreleased:
            chosen = self.find(str(chosen))
        unreleased = self._unreleased.get(chosen)
        if unreleased and not unreleased.commit:
            with self._working_tree(chosen) as tree:
                yield tree
            return
        with staging.temporary() as scratch:
            root = scratch / "catalog"
            if unreleased:
                notes = [self._unreleased_note(unreleased.ref)]
                notes += self._export(self._clone, unreleased.commit, root)
                with without_scratch_paths(root):
                    yield TemplateTree(root, chosen, self.url, unreleased.ref, tuple(notes))
                return
            tag = self._tags[chosen]
            notes = self._export(self._fetch(tag, scratch / "repo.git"), _WANTED, root)
            if version is None and self._edited(root):
                notes.append(self._edited_note(tag))
            with without_scratch_paths(root):
                yield TemplateTree(root, chosen, self.url, tag, tuple(notes))

    def _default(self) -> Version:
        """What `new` uses: the last release; else the working tree if it was edited; else HEAD."""
        if self.versions() or not self._checkout:
            return self.newest()
        head = self.newest()
        with staging.temporary() as scratch:
            root = scratch / "catalog"
            self._export(self._clone, self._unreleased[head].commit, root)
            return self.find(WORKING_TREE) if self._edited(root) else head

    @property
    def _checkout(self) -> Path | None:
        """The catalog's folder in the repository's working tree, if that is on this machine."""
        folder = self.location.folder
        if folder is None or not (folder / ".git").exists():
            return None
        inside = folder / self.location.subdir
        return inside if inside.is_dir() else None

    def _edited(self, root: Path) -> bool:
        """Whether the working tree differs from what was exported to `root`."""
        if not self._checkout:
            return False
        try:
            state = FolderSource(self._checkout, self.url).newest()
        except ScaffoldError:  # it holds what no catalog may, so it can't be used as it is
            return False
        return state != Version(f"{UNVERSIONED}+{tree_digest(root)}")

    @contextlib.contextmanager
    def _working_tree(self, state: Version) -> Iterator[TemplateTree]:
        folder = FolderSource(self._checkout or Path(), self.url)
        note = (
            f"the working tree of {folder.root} was used as it is: a project made from files that"
            " are not committed can't be upgraded. Commit them, then make it again"
        )
        with folder.tree(state) as tree:
            yield TemplateTree(tree.root, tree.version, tree.url, tree.ref, (note,))

    def _edited_note(self, tag: str) -> str:
        return (
            f"{tag}, the newest version tag, was used: {self.location.folder} has changed since."
            " To use its newest commit: --version HEAD; its files as they are now:"
            f" --version {WORKING_TREE}"
        )

    def _unreleased_note(self, ref: str) -> str:
        if self._tags:
            return f"{ref} is not a released version of {self.url}; upgrades lead to the next one"
        return (
            f"{self.url} has no version tags: its commit {ref} was used, and upgrades lead to its"
            " newest commit. Its authors can tag versions: git tag v1.0.0"
        )

    @cached_property
    def _refs(self) -> Mapping[str, str]:
        """`HEAD`, branches and tags, each with its object id; annotated tags also peeled."""
        found = self._ask("ls-remote", "HEAD", f"{_HEADS}*", f"{_TAGS}*").decode(errors="replace")
        pairs = (line.split("\t", 1) for line in found.splitlines() if "\t" in line)
        return {name: object_id for object_id, name in pairs}

    @cached_property
    def _tags(self) -> Mapping[Version, str]:
        """The tag of each version: of two that name the same (`v1`, `v1.0.0`), the more precise."""
        found: dict[Version, str] = {}
        for name in self._refs:
            tag = name.removeprefix(_TAGS)
            version = _version(tag)
            if not name.startswith(_TAGS) or name.endswith(_PEELED) or version is None:
                continue
            if version not in found or tag.count(".") > found[version].count("."):
                found.pop(version, None)  # with the version as this tag writes it
                found[version] = tag
        return found

    def _tag_commit(self, tag: str) -> str:
        name = _TAGS + tag
        return self._refs.get(name + _PEELED) or self._refs.get(name, "")

    def _tags_agree(self, text: str, tag: str) -> bool:
        """Whether `text`, if it is a tag itself, is the same commit as `tag`."""
        return self._tag_commit(text) in {"", self._tag_commit(tag)}

    def _commit(self, text: str) -> str:
        """The id of the commit that a branch, a tag, `HEAD` or an id names; "" if there is none."""
        named = self._refs.get("HEAD", "") if text == "HEAD" else ""
        named = named or self._refs.get(_HEADS + text, "") or self._tag_commit(text)
        if named:
            return named
        found = _COMMIT.fullmatch(text)
        if not found or not self._refs:
            return ""
        command = ("rev-parse", "--verify", "--quiet", f"{found['id']}^{{commit}}")
        answer = git.run(*command, env=_at(self._clone), expect=(0, 1, 128))
        return answer.decode().strip()

    def _version_of(self, commit: str) -> Version:
        """The version of a commit, as `git describe` sees it: `1.0.0+3.gabc1234`."""
        matching = [f"--match={tag}" for tag in self._tags.values()]
        at = _at(self._clone)
        short = git.run(*_SHORT, "rev-parse", "--short", commit, env=at).decode().strip()
        ref = short
        if matching:
            described = (*_SHORT, "describe", "--tags", "--always", *matching, commit)
            ref = git.run(*described, env=at).decode().strip()
        for version, tag in self._tags.items():
            if ref == tag:
                return version
        tag, _, _ = ref.rpartition("-g")
        if tag:
            tag, _, count = tag.rpartition("-")
            base = Version(tag).public
        else:
            count = git.run("rev-list", "--count", commit, env=at).decode().strip()
            base = UNVERSIONED
        version = Version(f"{base}+{count}.g{short}")
        self._unreleased[version] = _Unreleased(commit, ref)
        return version

    @cached_property
    def _clone(self) -> Path:
        """A bare copy with all branches and tags, for what is not a tagged version."""
        held = contextlib.ExitStack()
        repo = held.enter_context(staging.temporary()) / "repo.git"
        weakref.finalize(self, held.close)
        self._init(repo)
        refs = (f"+{_HEADS}*:{_HEADS}*", f"+{_TAGS}*:{_TAGS}*", f"+HEAD:{_WANTED}")
        wanted = refs if "HEAD" in self._refs else refs[:2]
        self._ask("fetch", "--quiet", "--no-tags", "--update-shallow", *wanted, at=repo)
        return repo

    def _fetch(self, tag: str, repo: Path) -> Path:
        """A bare repository with the one commit of a tag, as `_WANTED`."""
        self._init(repo)
        ref = f"+{_TAGS}{tag}:{_WANTED}"
        try:
            self._ask("fetch", "--quiet", "--depth=1", "--no-tags", ref, at=repo)
        except UnreachableCatalogError as error:
            if "shallow" not in error.message:  # servers of plain files can't do that
                raise
            self._ask("fetch", "--quiet", "--no-tags", ref, at=repo)
        return repo

    def _init(self, repo: Path) -> None:
        digits = max(map(len, self._refs.values()), default=0)
        algorithm = "sha256" if digits == _SHA256_DIGITS else "sha1"
        git.run(
            *("init", "--quiet", "--bare", "--template=", f"--object-format={algorithm}"),
            str(repo),
        )

    def _export(self, repo: Path, commit: str, root: Path) -> list[str]:
        """Write the catalog at `commit` to `root`; return what there is to say about it."""
        treeish = f"{commit}:{self.location.subdir}" if self.location.subdir else commit
        kind = git.run("cat-file", "-t", treeish, env=_at(repo), expect=(0, 1, 128)).decode()
        if self.location.subdir and kind.strip() != "tree":
            raise ScaffoldError(f"{self.url}: there is no folder {self.location.subdir!r} in it")
        export.export(repo, treeish, root)
        check_tree(root, catalog_parts(root))
        listing = git.run("ls-tree", "-r", "-z", "--full-tree", treeish, env=_at(repo))
        submodules = [
            os.fsdecode(line.partition(b"\t")[2])
            for line in listing.split(b"\0")
            if line.startswith(b"160000 ")
        ]
        return [f"submodules are left out: {', '.join(submodules)}"] if submodules else []

    def _unknown(self, text: str, wanted: Version | None) -> ScaffoldError:
        branches = [name.removeprefix(_HEADS) for name in self._refs if name.startswith(_HEADS)]
        known = f"versions: {listed(self.versions())}; branches: {listed(branches)}"
        near = did_you_mean(text, [*branches, *self._tags.values()])
        what = (
            f"unknown version {wanted}"
            if wanted
            else f"{text!r} is not a version, branch or commit of {self.url}"
        )
        return ScaffoldError(what, hint=f"{near} {known}".strip())

    def _ask(self, verb: str, *args: str, at: Path | None = None) -> bytes:
        """Run a git command that talks to the repository, with the user's own access to it."""
        options = [arg for arg in args if arg.startswith("-")]
        refs = [arg for arg in args if not arg.startswith("-")]
        try:
            return git.run(
                *(verb, *options, "--", self.location.address, *refs),
                env=_at(at) if at else None,
                isolated=False,
                timeout=_TRANSPORT_SECONDS,
            )
        except git.GitError as error:
            said = error.message.replace(self.location.address, self.url)
            hint = error.hint or f"does this work? git ls-remote {self.url.partition('#')[0]}"
            if "dubious ownership" in said:
                hint = f"if you trust it: git config --global --add safe.directory {self.url}"
            raise UnreachableCatalogError(
                f"cannot read the catalog at {self.url}: {said}", hint=hint
            ) from None


def _at(repo: Path) -> dict[str, str]:
    """The environment that names a bare repository: `safe.bareRepository` may forbid to find it."""
    return {"GIT_DIR": str(repo)}


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None
