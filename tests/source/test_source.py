from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from packaging.version import Version

from mlops_scaffold.answers import Recorded
from mlops_scaffold.errors import ScaffoldError
from mlops_scaffold.source import releases, saved
from mlops_scaffold.source.base import BUILTIN_URL, parse_version
from mlops_scaffold.source.builtin import BuiltinSource
from mlops_scaffold.source.opening import source_for

from .conftest import commit_all, contents, cut_release, git, write_files

if TYPE_CHECKING:
    from .conftest import MakeCatalog

README = "templates/demo/project/README.md.jinja"


def builtin(root: Path, current: str) -> BuiltinSource:
    return BuiltinSource(root, Version(current))


def test_a_development_version_is_named_by_the_bytes_of_its_templates(
    make_catalog: MakeCatalog,
) -> None:
    root = make_catalog()
    (first,) = builtin(root, "0.2.0.dev0").versions()
    assert str(first).startswith("0.2.0.dev0+")
    assert len(str(first.local)) == 12

    (root / "templates/demo/project/__pycache__").mkdir()
    (root / "templates/demo/project/__pycache__/x.pyc").touch()
    (root / "pyproject.toml").touch()
    assert builtin(root, "0.2.0.dev0").versions() == (first,)

    (root / README).chmod(0o755)
    (second,) = builtin(root, "0.2.0.dev0").versions()
    (root / README).chmod(0o644)
    (root / README).write_text("other")
    (third,) = builtin(root, "0.2.0.dev0").versions()
    assert len({first, second, third}) == 3


def test_the_tree_at_hand_is_the_newest_version(make_catalog: MakeCatalog) -> None:
    root = make_catalog()
    cut_release(root, "0.1.0")
    found = builtin(root, "0.2.0.dev0")
    assert [str(v.base_version) for v in found.versions()] == ["0.1.0", "0.2.0"]
    with found.tree() as tree:
        assert tree.root == root
        assert tree.version == found.versions()[-1]
        assert tree.ref == f"v{tree.version}"
        assert tree.trusted


def test_every_release_comes_back_byte_for_byte(make_catalog: MakeCatalog) -> None:
    root = make_catalog({"templates/demo/project/.gitattributes": "* export-ignore export-subst\n"})
    wanted = {}
    for number in range(3):
        marked = f"# $Format:%H$ {number}\r\n"
        write_files(root, {README: marked, f"templates/demo/project/tool{number}.sh": "x"})
        cut_release(root, f"0.{number}.0")
        wanted[f"0.{number}.0"] = {
            name: content
            for name, content in contents(root).items()
            if not name.startswith("releases/")
        }
    found = builtin(root, "0.3.0.dev0")
    assert list(map(str, found.versions()))[:-1] == list(wanted)
    for version, files in wanted.items():
        with found.tree(Version(version)) as tree:
            assert contents(tree.root) == files
            assert tree.ref == f"v{version}"


def test_an_unknown_version_is_refused_with_the_known_ones(make_catalog: MakeCatalog) -> None:
    root = make_catalog()
    cut_release(root, "0.1.0")
    found = builtin(root, "0.1.0")
    for text in ("0.3.0", "v9", "0.1.0+dead"):
        with pytest.raises(ScaffoldError, match="unknown version") as caught:
            parse_version(text, found.versions())
        assert "0.1.0" in caught.value.hint
    with pytest.raises(ScaffoldError, match="'--help' is not a version"):
        parse_version("--help", found.versions())
    assert parse_version("v0.1.0", found.versions()) == Version("0.1.0")
    assert str(parse_version("0.1", found.versions())) == "0.1.0", "as the catalog writes it"
    with pytest.raises(ScaffoldError, match="unknown version 7"), found.tree(Version("7")):
        pass


def test_a_bundle_that_was_changed_is_refused(make_catalog: MakeCatalog) -> None:
    root = make_catalog()
    cut_release(root, "0.1.0")
    bundle = root / "releases/v0.1.0.bundle"
    bundle.write_bytes(bundle.read_bytes() + b"x")
    with (
        pytest.raises(ScaffoldError, match=r"not the file that was released as 0\.1\.0"),
        builtin(root, "0.2.0.dev0").tree(Version("0.1.0")),
    ):
        pass


def test_a_bundle_with_another_commit_than_the_index_says_is_refused(
    make_catalog: MakeCatalog,
) -> None:
    root = make_catalog()
    cut_release(root, "0.1.0")
    index = root / "releases/index.yaml"
    lines = yaml.safe_load(index.read_text())
    lines[0]["commit"] = "0" * 40
    index.write_text(yaml.safe_dump(lines))
    with (
        pytest.raises(ScaffoldError, match="the index says 0000"),
        releases.repository(index.parent),
    ):
        pass


@pytest.mark.parametrize(
    "line", ["- {version: x}", "- 1", "{", "- {version: '1', bundle: ../x, sha256: a, commit: a}"]
)
def test_a_broken_index_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "index.yaml").write_text(line)
    with pytest.raises(ScaffoldError, match=r"index\.yaml is broken"):
        releases.releases(tmp_path)


def test_many_at_once_unpack_into_one_place(make_catalog: MakeCatalog, tmp_path: Path) -> None:
    root = make_catalog()
    cut_release(root, "0.1.0")
    code = (
        "import sys, pathlib; from mlops_scaffold.source import releases\n"
        "with releases.repository(pathlib.Path(sys.argv[1])) as repo: print(repo)"
    )

    def run(_: int) -> str:
        return subprocess.run(
            [sys.executable, "-c", code, str(root / "releases")],
            env={**os.environ, "MLOPS_SCAFFOLD_CACHE_DIR": str(tmp_path / "cache")},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()

    with ThreadPoolExecutor(6) as pool:
        places = set(pool.map(run, range(6)))
    (place,) = places
    assert git(Path(place), "tag") == "v0.1.0"
    assert [path.name for path in (tmp_path / "cache/history").iterdir()] == [Path(place).name]


def test_without_a_cache_folder_a_temporary_one_does(
    make_catalog: MakeCatalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_catalog()
    cut_release(root, "0.1.0")
    (tmp_path / "file").touch()
    monkeypatch.setenv("MLOPS_SCAFFOLD_CACHE_DIR", str(tmp_path / "file"))
    with releases.repository(root / "releases") as repo:
        assert git(repo, "tag") == "v0.1.0"
    assert not repo.exists()


def test_the_callers_git_environment_and_configuration_change_nothing(
    make_catalog: MakeCatalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_catalog()
    cut_release(root, "0.1.0")
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("post-checkout", "reference-transaction", "post-index-change"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\nexit 1\n")
        (hooks / name).chmod(0o755)
    config = tmp_path / "gitconfig"
    config.write_text(f"[core]\n hooksPath = {hooks}\n[fetch]\n fsckObjects = nonsense\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(tmp_path / "objects"))
    with builtin(root, "0.2.0.dev0").tree(Version("0.1.0")) as tree:
        assert (tree.root / README).read_bytes() == (root / README).read_bytes()
    assert not (tmp_path / "ran").exists()


def test_a_repository_records_where_it_came_from(make_catalog: MakeCatalog, tmp_path: Path) -> None:
    root = make_catalog()
    commit_all(root, "v1.0.0")
    for url, version in (
        (BUILTIN_URL, None),
        (str(root), "1.0.0"),
        (f"file://{root}", "1.0.0"),
    ):
        found = source_for(Recorded(url, "v1.0.0", {}, tmp_path / "answers"))
        assert found.url == url
        assert version is None or list(map(str, found.versions())) == [version]
    for url in ("../catalog", "ext::sh -c id", "--upload-pack=id", "catalog"):
        with pytest.raises(ScaffoldError):
            source_for(Recorded(url, "v1.0.0", {}, tmp_path / "answers"))


def test_naming_the_builtin_catalog_costs_next_to_nothing() -> None:
    code = (
        "import sys; from mlops_scaffold.source.builtin import builtin_root; builtin_root();"
        "heavy = ('copier', 'packaging', 'tempfile', 'yaml', 'jinja2');"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


DAMAGES = {
    "objects are gone": "find {repo}/objects -mindepth 1 -delete",
    "old files were cleaned away": "find {repo} -type f -delete",
    "a pack is cut off": "find {repo} -name '*.pack' -exec truncate -s 64 {{}} +",
    "a pack is gone": "find {repo} -name '*.pack' -delete",
    "loose objects are empty": "find {repo}/objects -type f -exec truncate -s 0 {{}} +",
    "HEAD is gone": "rm {repo}/HEAD",
    "the tags are gone": "rm -rf {repo}/packed-refs {repo}/refs/tags",
    "a tag was moved": "rm -rf {repo}/packed-refs && cp {repo}/refs/heads/main {repo}/refs/tags/v9",
    "it is empty": "rm -rf {repo} && mkdir {repo}",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_cache_heals(make_catalog: MakeCatalog, damage: str) -> None:
    root = make_catalog()
    for version in ("0.1.0", "0.2.0"):
        write_files(root, {README: f"{version}\n"})
        cut_release(root, version)
    with releases.repository(root / "releases") as repo:
        pass
    for read_first in (True, False):
        subprocess.run(["sh", "-c", DAMAGES[damage].format(repo=repo)], check=True)
        if read_first:
            with builtin(root, "0.3.0.dev0").tree(Version("0.1.0")) as tree:
                assert (tree.root / README).read_text() == "0.1.0\n"
        with releases.repository(root / "releases") as healed:  # as plain git reads it
            assert git(healed, "tag").split() == ["v0.1.0", "v0.2.0"]
            assert git(healed, "show", f"v0.1.0:{README}") == "0.1.0"
            assert healed == repo


def test_a_damaged_cache_that_cannot_be_written_is_done_without(
    make_catalog: MakeCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_catalog()
    cut_release(root, "0.1.0")
    with releases.repository(root / "releases") as repo:
        pass
    subprocess.run(["rm", "-rf", str(repo / "objects")], check=True)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(releases, "_unpack_into_place", full)
    with builtin(root, "0.2.0.dev0").tree(Version("0.1.0")) as tree:
        assert (tree.root / README).exists()
    with releases.repository(root / "releases") as other:
        assert git(other, "tag") == "v0.1.0"
        assert other != repo


@pytest.mark.parametrize("variable", ["MLOPS_SCAFFOLD_CACHE_DIR", "MLOPS_SCAFFOLD_CONFIG_DIR"])
def test_an_empty_variable_counts_as_unset(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(variable, "")
    assert releases.cache_folder("x").is_absolute()
    assert saved.config_file().is_absolute()
    assert not any(tmp_path.iterdir())
