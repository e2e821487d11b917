"""Cutting a release: for maintainers, in a checkout of this project.

A release is a commit in a separate history that holds only the catalog. Each is stored in
`releases/` as one git bundle on top of the previous one. What was released never changes: the same
catalog, version and date give the same commit.
"""

from __future__ import annotations

import datetime as dt
import re
import tempfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

from mlops_scaffold.authoring import lint, proof
from mlops_scaffold.errors import ScaffoldError
from mlops_scaffold.git import command as git
from mlops_scaffold.source import releases
from mlops_scaffold.source.base import catalog_files
from mlops_scaffold.source.changelog import UNRELEASED, sections

if TYPE_CHECKING:
    from collections.abc import Mapping

_VERSION_FILE = "src/mlops_scaffold/__init__.py"
_CHANGELOG = "CHANGELOG.md"
_VERSION_LINE = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)
_AUTHOR = ("mlops-scaffold", "releases@mlops-scaffold.invalid")


@dataclass(frozen=True)
class Released:
    """A release that was cut."""

    version: Version
    bundle: str  # path within the checkout
    commit: str  # in the history of releases


def cut(
    root: Path, version: str, *, dry_run: bool = False, date: dt.date | None = None
) -> Released:
    """Release the catalog in the checkout `root`.

    Args:
        root: A checkout of this project, with everything committed.
        version: The version to release, e.g. "0.2.0".
        dry_run: Check and build, but change nothing.
        date: The day of the release (default: today, UTC).

    Raises:
        ScaffoldError: It can't be released; nothing was changed.
    """
    new = _check(root, version)
    day = date or dt.datetime.now(dt.UTC).date()
    changelog = _renamed_section(root, new, day)
    with tempfile.TemporaryDirectory(prefix="mlops-scaffold-release-") as scratch:
        repo = Path(scratch) / "history.git"
        releases.unpack(root / "releases", repo)
        commit = _commit(repo, _tree(repo, root, {_CHANGELOG: changelog}), new, day)
        bundle = Path(scratch) / f"v{new}.bundle"
        _bundle(repo, new, bundle)
        released = Released(new, f"releases/{bundle.name}", commit)
        if not dry_run:
            _record(root, released, bundle.read_bytes(), changelog)
            releases.releases.cache_clear()
    return released


def _check(root: Path, text: str) -> Version:
    """The version, if it can be released now.

    Raises:
        ScaffoldError: It can't.
    """
    try:
        new = Version(text)
    except InvalidVersion as error:
        raise ScaffoldError(f"{text!r} is not a version", hint="like 0.2.0") from error
    if not (root / ".git").exists():
        raise ScaffoldError(f"{root} is not a checkout", hint="releases are cut in a git clone")
    changed = git.run("status", "--porcelain", cwd=root).decode(errors="replace").rstrip()
    if changed:
        raise ScaffoldError(
            f"these files are not committed:\n{changed}", hint="commit them first: git commit -a"
        )
    if new.is_devrelease or new.local:
        raise ScaffoldError(f"{new} is a development version", hint="choose a final version")
    earlier = [release.version for release in releases.releases(root / "releases")]
    current = Version(_find_version(root))
    if new in earlier or any(new < release for release in earlier):
        raise ScaffoldError(f"{new} is not newer than {max(earlier)}, the last release")
    if new < current or new not in _following(max(earlier, default=Version("0"))):
        listed = ", ".join(map(str, sorted(_following(max(earlier, default=Version("0"))))))
        raise ScaffoldError(
            f"{new} can't follow {current}", hint=f"the next version is one of: {listed}"
        )
    findings = lint.check(root)
    if findings:
        raise ScaffoldError(
            f"the catalog has findings, such as {findings[0].file}: {findings[0].message}",
            hint="list them all: mlops-scaffold catalog lint",
        )
    proof.check(root)
    return new


def _following(last: Version) -> set[Version]:
    """The versions that may come after `last`."""
    major, minor, patch = (*last.release, 0, 0)[:3]
    names = (f"{major + 1}.0.0", f"{major}.{minor + 1}.0", f"{major}.{minor}.{patch + 1}")
    return {Version(name) for name in names}


def _renamed_section(root: Path, new: Version, day: dt.date) -> str:
    """The changelog with the unreleased section as this version's, and a new one on top."""
    text = (root / _CHANGELOG).read_text(encoding="utf-8")
    if UNRELEASED not in dict(sections(text)):
        raise ScaffoldError(
            f"{_CHANGELOG} has no entry under `## {UNRELEASED}`",
            hint="describe there what changes for people who upgrade",
        )
    heading = re.compile(rf"^## +\[?{UNRELEASED}\]?.*$", re.MULTILINE)
    return heading.sub(f"## {UNRELEASED}\n\n## {new} - {day}", text, count=1)


def _tree(repo: Path, root: Path, replaced: Mapping[str, str]) -> str:
    """The catalog at `root` as a tree in `repo`."""
    rows = []
    for path in catalog_files(root):
        name = path.relative_to(root).as_posix()
        data = replaced[name].encode() if name in replaced else path.read_bytes()
        oid = git.run("hash-object", "-w", "--stdin", cwd=repo, stdin=data).decode().strip()
        mode = "100755" if path.stat().st_mode & 0o100 else "100644"
        rows.append(f"{mode} {oid} 0\t{name}\0")
    env = {"GIT_INDEX_FILE": str(repo / "release.index")}
    git.run("update-index", "-z", "--index-info", cwd=repo, stdin="".join(rows).encode(), env=env)
    return git.run("write-tree", cwd=repo, env=env).decode().strip()


def _commit(repo: Path, tree: str, version: Version, day: dt.date) -> str:
    """Commit a tree on top of the last release, and tag it."""
    name, email = _AUTHOR
    env = {
        f"GIT_{role}_{key}": value
        for role in ("AUTHOR", "COMMITTER")
        for key, value in (("NAME", name), ("EMAIL", email), ("DATE", f"{day}T00:00:00Z"))
    }
    last = git.run("for-each-ref", "--format=%(objectname)", "refs/heads/main", cwd=repo)
    parent = ("-p", last.decode().strip()) if last else ()
    command = ("commit-tree", tree, *parent, "-m", f"Release {version}")
    commit = git.run(*command, cwd=repo, env=env).decode().strip()
    git.run("update-ref", f"refs/tags/v{version}", commit, cwd=repo)
    return commit


def _bundle(repo: Path, version: Version, bundle: Path) -> None:
    """Write the release as a bundle on top of the earlier ones."""
    # With more than one thread the order of the pack would depend on the machine.
    command = ("-c", "pack.threads=1", "bundle", "create", "--quiet", str(bundle))
    git.run(*command, f"refs/tags/v{version}", "--not", "--branches", cwd=repo)


def _record(root: Path, released: Released, bundle: bytes, changelog: str) -> None:
    """Write the release into the checkout and commit it, or leave everything as it was."""
    index = root / "releases" / releases.INDEX
    source = root / _VERSION_FILE
    line = f'__version__ = "{released.version}"'
    row = (
        f"- version: {released.version}\n  bundle: {Path(released.bundle).name}\n"
        f"  sha256: {sha256(bundle).hexdigest()}\n  commit: {released.commit}\n"
    )
    written = {
        root / released.bundle: bundle,
        index: (index.read_bytes() if index.exists() else b"") + row.encode(),
        root / _CHANGELOG: changelog.encode(),
        source: _VERSION_LINE.sub(line, source.read_text(encoding="utf-8")).encode(),
    }
    before = {path: path.read_bytes() if path.exists() else None for path in written}
    names = [str(path.relative_to(root)) for path in written]
    index.parent.mkdir(exist_ok=True)
    try:
        for path, data in written.items():
            path.write_bytes(data)
        git.run("add", "--force", "--", *names, cwd=root, isolated=False)
        message = f"Release {released.version}"
        git.run("commit", "--quiet", "-m", message, "--", *names, cwd=root, isolated=False)
    except BaseException:
        for path, old in before.items():
            if old is None:
                path.unlink(missing_ok=True)
            else:
                path.write_bytes(old)
        git.run("reset", "--quiet", "--", *names, cwd=root)
        raise


def _find_version(root: Path) -> str:
    found = _VERSION_LINE.search((root / _VERSION_FILE).read_text(encoding="utf-8"))
    if not found:
        raise ScaffoldError(f"{_VERSION_FILE} has no __version__")
    return found[1]
