"""Cutting releases."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import TYPE_CHECKING

import pytest
from packaging.version import Version

from mlops_scaffold import __version__
from mlops_scaffold.authoring import release
from mlops_scaffold.errors import ScaffoldError
from mlops_scaffold.source import releases
from mlops_scaffold.source.base import catalog_files, tree_digest
from mlops_scaffold.source.builtin import builtin_root
from tests.upgrade.conftest import NEW, commit, start
from tests.upgrade.support import git, read, write

if TYPE_CHECKING:
    from pathlib import Path

DAY = dt.date(2026, 1, 2)


def test_release_is_recorded_and_can_be_read(tmp_path: Path) -> None:
    root = start(tmp_path / "checkout")
    released = release.cut(root, "0.1.0", date=DAY)
    assert git(root, "status", "--porcelain") == b""
    assert git(root, "log", "-1", "--format=%s") == b"Release 0.1.0\n"
    assert '__version__ = "0.1.0"' in (root / "src/mlops_scaffold/__init__.py").read_text()
    assert (
        "## Unreleased\n\n## 0.1.0 - 2026-01-02\n\n- The start."
        in (root / "CHANGELOG.md").read_text()
    )
    (found,) = releases.releases(root / "releases")
    assert found.sha256 == hashlib.sha256((root / released.bundle).read_bytes()).hexdigest()
    with releases.tree(root / "releases", Version("0.1.0")) as tree:
        assert tree_digest(tree) == tree_digest(root), "what was released is what is there"


def test_the_same_release_twice_is_the_same(tmp_path: Path) -> None:
    one, two = start(tmp_path / "one"), start(tmp_path / "two")
    first, second = (release.cut(root, "0.1.0", date=DAY) for root in (one, two))
    assert first.commit == second.commit
    assert (one / first.bundle).read_bytes() == (two / second.bundle).read_bytes()


def test_releases_build_on_each_other(catalog: Path) -> None:
    older, newer = releases.releases(catalog / "releases")
    with releases.repository(catalog / "releases") as repo:
        assert git(repo, "rev-parse", f"{newer.commit}^").decode().strip() == older.commit
    sizes = [(catalog / "releases" / one.bundle).stat().st_size for one in (older, newer)]
    assert sizes[1] < sizes[0] + 500, "a bundle holds only what is new"


@pytest.mark.parametrize(
    ("version", "change", "said"),
    [
        ("0.3.0", {"own.txt": "x"}, "these files are not committed"),
        ("nonsense", {}, "not a version"),
        ("0.3.0.dev0", {}, "development version"),
        ("0.2.0", {}, "is not newer than"),
        ("0.1.5", {}, "is not newer than"),
        ("0.4.0", {}, "can.t follow"),
        ("0.3.0", {}, "has no entry under"),
    ],
)
def test_refusals(catalog: Path, version: str, change: dict[str, str], said: str) -> None:
    write(catalog, dict(change))
    before = read(catalog)
    with pytest.raises(ScaffoldError, match=said):
        release.cut(catalog, version)
    assert read(catalog) == before


def test_catalog_with_findings_is_not_released(tmp_path: Path) -> None:
    root = start(tmp_path / "checkout")
    write(root, {"templates/demo/questions.yml": "size:\n  type: str\n  default: x\n"})
    commit(root)
    with pytest.raises(ScaffoldError, match="findings"):
        release.cut(root, "0.1.0")


PROOF = "tests/proof/__main__.py"


def test_what_is_not_proved_is_not_released(tmp_path: Path) -> None:
    root = start(tmp_path / "checkout")
    says = "import sys\nprint('UNPROVED  demo/defaults: run (never proved)')\nsys.exit(1)\n"
    write(root, {PROOF: says})
    commit(root)
    before = read(root)
    with pytest.raises(ScaffoldError, match=r"not everything is proved:\n  demo/defaults: run"):
        release.cut(root, "0.1.0")
    assert read(root) == before


def test_a_proof_that_cannot_be_asked_is_no_proof(tmp_path: Path) -> None:
    root = start(tmp_path / "checkout")
    write(root, {PROOF: "import nothing_like_this\n"})
    commit(root)
    with pytest.raises(ScaffoldError, match=r"cannot tell whether .*nothing_like_this"):
        release.cut(root, "0.1.0")


def test_what_is_proved_is_released(tmp_path: Path) -> None:
    root = start(tmp_path / "checkout")
    write(root, {PROOF: "import sys\nsys.exit(sys.argv[1:] != ['state', '--check'])\n"})
    commit(root)
    assert str(release.cut(root, "0.1.0", date=DAY).version) == "0.1.0"


def test_a_release_that_cannot_be_committed_leaves_nothing(tmp_path: Path) -> None:
    root = start(tmp_path / "checkout")
    (root / ".git/index.lock").write_bytes(b"")
    before = read(root)
    with pytest.raises(ScaffoldError):
        release.cut(root, "0.1.0", date=DAY)
    assert {p: v for p, v in read(root).items() if v[0] != "folder"} == before


def test_dry_run_changes_nothing(catalog: Path) -> None:
    write(catalog, dict(NEW) | {"CHANGELOG.md": "# Changelog\n\n## Unreleased\n\n- More.\n"})
    commit(catalog)
    before = read(catalog)
    assert str(release.cut(catalog, "0.3.0", dry_run=True).version) == "0.3.0"
    assert read(catalog) == before


def test_bundles_are_what_the_index_says() -> None:
    folder = builtin_root() / "releases"
    for one in releases.releases(folder):
        digest = hashlib.sha256((folder / one.bundle).read_bytes()).hexdigest()
        assert digest == one.sha256, f"{one.bundle} was changed; what was released never changes"


def test_a_released_version_is_what_was_released() -> None:
    """Templates that changed after a release are a new version."""
    version = Version(__version__)
    root = builtin_root()
    known = {one.version for one in releases.releases(root / "releases")}
    if version.is_devrelease:
        assert Version(version.base_version) not in known
        return
    assert version in known, f"{version} was not cut: use mlops-scaffold release"
    with releases.tree(root / "releases", version) as tree:
        released = {p.relative_to(tree).as_posix(): p.read_bytes() for p in catalog_files(tree)}
    here = {p.relative_to(root).as_posix(): p.read_bytes() for p in catalog_files(root)}
    following = f"{version.major}.{version.minor + 1}.0.dev0"
    assert here == released, f"templates changed since {version}: set __version__ to {following}"
