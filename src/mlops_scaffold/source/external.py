"""Other people's catalogs: a folder, or a git repository whose PEP 440 tags are its versions.

What is read here is not trusted: only harmless transports, no submodules, no hooks, a tree whose
links stay inside it, and limits on its size. Rendering it is limited further (`sandbox`).
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from packaging.version import InvalidVersion, Version

from mlops_scaffold.catalog.copier_yml import config_file
from mlops_scaffold.errors import ScaffoldError, UsageError, did_you_mean
from mlops_scaffold.files.portable import like_git_folder
from mlops_scaffold.git import command as git
from mlops_scaffold.git import export
from mlops_scaffold.source import saved
from mlops_scaffold.source.base import (
    CATALOG_PARTS,
    TOOL_LEFTOVERS,
    TemplateTree,
    parse_version,
    tree_digest,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlops_scaffold.source.base import Source

_SCHEMES = frozenset({"file", "git", "http", "https", "ssh"})
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_SCP_LIKE = re.compile(r"(?:[A-Za-z0-9._-]+@)?[A-Za-z0-9][A-Za-z0-9.-]+:(?!/{2})[^\s].*")
_TRANSPORT_SECONDS = 300.0
_UNVERSIONED = "0.0.0.dev0"


def is_url(spec: str) -> bool:
    """Whether `spec` is a URL (`https://...`, `git@host:path`) and not a folder on this machine."""
    return bool(_SCHEME.match(spec) or ("::" in spec) or _SCP_LIKE.fullmatch(spec))


def open_foreign(spec: str) -> Source:
    """The catalog at a folder or URL.

    Raises:
        UsageError: It is none, or its transport is refused.
    """
    if spec.startswith("-") or not spec.isprintable() or not spec:
        raise UsageError(f"{spec!r} is not a catalog: expected a folder, a URL or a kept name")
    folder = Path(spec).expanduser()
    if is_url(spec) and not folder.is_dir():
        _check_transport(spec)
        return GitSource(location=spec, url=without_credentials(spec))
    if not folder.is_dir():
        raise UsageError(
            f"there is no catalog {spec!r}: it is neither a folder, a URL nor a kept name",
            hint=did_you_mean(spec, saved.catalogs()) or "kept names: mlops-scaffold catalog list",
        )
    folder = folder.resolve()
    source = GitSource(location=str(folder), url=str(folder))
    if _is_repository(folder) and source.versions():
        return source
    return FolderSource(folder, str(folder))


def without_credentials(url: str) -> str:
    """`url` without a password or token in it, fit to be printed and recorded."""
    if not _SCHEME.match(url):
        return url
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    if parts.scheme == "ssh":  # its user name is part of the address, and never a secret
        host = user.split(":")[0] + at + host
    return urlunsplit(parts._replace(netloc=host))


@dataclass(frozen=True)
class FolderSource:
    """A folder as it stands: one state without a version, so nothing can be upgraded from it."""

    root: Path
    url: str

    def versions(self) -> tuple[Version, ...]:
        """The one state, named by its digest."""
        return (self._version,)

    @contextlib.contextmanager
    def tree(self, version: Version | None = None) -> Iterator[TemplateTree]:
        """See `Source.tree`."""
        if version is not None and version != self._version:
            raise ScaffoldError(
                f"{self.root} has no version {version}: it is a plain folder",
                hint="put it under git and tag its versions (git tag v1.0.0)",
            )
        yield TemplateTree(self.root, self._version, self.url, f"v{self._version}")

    @cached_property
    def _version(self) -> Version:
        config_file(self.root)
        check_tree(self.root, CATALOG_PARTS)  # what lies beside them is the author's business
        return Version(f"{_UNVERSIONED}+{tree_digest(self.root)}")


@dataclass(frozen=True)
class GitSource:
    """A git repository. Nothing of it is kept: a call asks it, and fetches one commit at most."""

    location: str  # what git is given; may hold credentials, so it is neither printed nor recorded
    url: str

    def versions(self) -> tuple[Version, ...]:
        """Its PEP 440 tags."""
        return tuple(sorted(self._tags, key=lambda version: (not version.is_prerelease, version)))

    @contextlib.contextmanager
    def tree(self, version: Version | None = None) -> Iterator[TemplateTree]:
        """See `Source.tree`."""
        if not self._tags and version is None:
            ref, known = "HEAD", None
        else:
            known = parse_version(str(version), self.versions()) if version else self.versions()[-1]
            ref = f"refs/tags/{self._tags[known]}"
        with tempfile.TemporaryDirectory(prefix="mlops-scaffold-tree-") as scratch:
            repo, root = Path(scratch) / "repo.git", Path(scratch) / "catalog"
            git.run("init", "--quiet", "--bare", "--template=", str(repo))
            self._ask("fetch", "--quiet", "--depth=1", "--no-tags", f"+{ref}:refs/wanted", at=repo)
            export.export(repo, "refs/wanted", root)
            check_tree(root, tuple(path.name for path in root.iterdir()))
            if known is None:
                known = Version(f"{_UNVERSIONED}+{tree_digest(root)}")
                yield TemplateTree(root, known, self.url, f"v{known}")
            else:
                yield TemplateTree(root, known, self.url, self._tags[known])

    @cached_property
    def _tags(self) -> Mapping[Version, str]:
        found: dict[Version, str] = {}
        for line in (
            self._ask("ls-remote", "--tags", "--refs").decode(errors="replace").splitlines()
        ):
            tag = line.partition("\t")[2].removeprefix("refs/tags/")
            with contextlib.suppress(InvalidVersion):
                found.setdefault(Version(tag), tag)
        return found

    def _ask(self, verb: str, *args: str, at: Path | None = None) -> bytes:
        """Run a git command that talks to the repository, with the user's own access to it."""
        options = [arg for arg in args if arg.startswith("-")]
        refs = [arg for arg in args if not arg.startswith("-")]
        try:
            return git.run(
                *(verb, *options, "--", self.location, *refs),
                cwd=at,
                isolated=False,
                timeout=_TRANSPORT_SECONDS,
            )
        except git.GitError as error:
            said = error.message.replace(self.location, self.url)
            raise ScaffoldError(
                f"cannot read the catalog at {self.url}: {said}",
                hint=error.hint or f"does this work? git ls-remote {self.url}",
            ) from None


def check_tree(root: Path, parts: Sequence[str]) -> None:
    """Check a tree that is not ours: plain files and folders, links that stay inside, a sane size.

    Args:
        root: The tree.
        parts: Names in `root` to check, with all that is below them.

    Raises:
        ScaffoldError: It does not hold; the path is named.
    """
    files = size = 0
    pending = [path for part in parts if os.path.lexists(path := root / part)]
    while pending:
        path = pending.pop()
        name = path.relative_to(root)
        if like_git_folder(path.name):
            raise ScaffoldError(
                f"the catalog holds {name}, which some systems take for git's folder"
            )
        if path.is_symlink():
            if not path.resolve().is_relative_to(root.resolve()):
                raise ScaffoldError(f"the catalog holds {name}, a link that leads out of it")
        elif path.is_dir():
            pending.extend(x for x in path.iterdir() if x.name not in TOOL_LEFTOVERS)
        elif path.is_file():
            files, size = files + 1, size + path.stat().st_size
            export.check_size(files, size)
        else:
            raise ScaffoldError(f"the catalog holds {name}, which is neither file nor folder")


def _check_transport(url: str) -> None:
    scheme = _SCHEME.match(url)
    refused = "::" in url.partition("/")[0] or (scheme and scheme[1].lower() not in _SCHEMES)
    host = urlsplit(url).netloc.rpartition("@")[2] if scheme else url.rpartition("@")[2]
    if refused or host.startswith("-"):
        raise UsageError(
            f"{without_credentials(url)!r} is refused: its transport could run commands",
            hint=f"use one of {', '.join(sorted(_SCHEMES))}",
        )


def _is_repository(folder: Path) -> bool:
    inside = folder / ".git"
    return inside.is_file() or any((git_dir / "HEAD").is_file() for git_dir in (inside, folder))
