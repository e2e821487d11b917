"""A git repository as a catalog: its tags, branches and commits, and the ways to reach it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from mlops_scaffold.catalog import copier_yml
from mlops_scaffold.errors import ScaffoldError, UsageError
from mlops_scaffold.source import location
from mlops_scaffold.source.opening import open_source

from .conftest import COPIER_YML, FILES, commit_all, git, write_files

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import MakeCatalog

PROJECT = "templates/demo/project"
MARK = f"{PROJECT}/mark.txt"


def commit(root: Path, mark: str, tag: str = "") -> str:
    """Commit a file that says `mark`; return the commit's id."""
    write_files(root, {MARK: mark})
    commit_all(root, tag or "untagged")
    if not tag:
        git(root, "tag", "-d", "untagged")
    return git(root, "rev-parse", "HEAD")


def used(spec: str, version: str = "") -> tuple[str, str, str]:
    """What a catalog gives: the mark, the version, the ref that is recorded."""
    source = open_source(spec)
    with source.tree(source.find(version) if version else None) as tree:
        return (tree.root / MARK).read_text(), str(tree.version), tree.ref


def notes(spec: str, version: str = "") -> str:
    source = open_source(spec)
    with source.tree(source.find(version) if version else None) as tree:
        return "\n".join(tree.notes)


def test_tags_of_every_habit_are_versions(make_catalog: MakeCatalog) -> None:
    root = make_catalog()
    for tag in ("nightly", "v1", "v1.5", "2024.1", "3000.0.0-rc1", "2024-11-30"):
        commit(root, tag, tag)
    known = list(map(str, open_source(str(root)).versions()))
    assert known == ["3000.0.0rc1", "1", "1.5", "2024.1"], "a pre-release is never the default"
    assert used(str(root)) == ("2024.1", "2024.1", "2024.1")
    assert used(str(root), "1") == ("v1", "1", "v1")
    assert used(str(root), "3000.0.0-rc1") == ("3000.0.0-rc1", "3000.0.0rc1", "3000.0.0-rc1")
    assert used(str(root), "nightly")[0] == "nightly", "other tags name commits"


def test_a_tag_that_moves_does_not_stand_in_for_the_version(make_catalog: MakeCatalog) -> None:
    root = make_catalog()
    commit(root, "first", "v1.0.0")
    commit(root, "second", "v1.1.0")
    git(root, "tag", "v1")  # as GitHub actions do: the newest of 1.x
    assert list(map(str, open_source(str(root)).versions())) == ["1.0.0", "1.1.0"]
    assert used(str(root), "1.0.0") == ("first", "1.0.0", "v1.0.0")
    assert used(str(root), "v1") == ("second", "1.1.0", "v1.1.0")


def test_branches_commits_and_head_are_unreleased_versions(make_catalog: MakeCatalog) -> None:
    root = make_catalog()
    commit(root, "released", "v1.0.0")
    middle = commit(root, "middle")
    newest = commit(root, "newest")
    git(root, "branch", "next", middle)
    for spec in (str(root), f"file://{root}"):
        assert used(spec) == ("released", "1.0.0", "v1.0.0")
        for text in ("HEAD", "main", newest, newest[:9]):
            mark, version, ref = used(spec, text)
            assert (mark, version) == ("newest", f"1.0.0+2.g{newest[:7]}"), text
            assert git(root, "rev-parse", ref) == newest, "git, and so Copier, knows what it names"
        assert used(spec, "next")[:2] == ("middle", f"1.0.0+1.g{middle[:7]}")
        assert "not a released version" in notes(spec, "next")


def test_an_unreleased_version_is_found_again_and_is_older_than_the_next_release(
    make_catalog: MakeCatalog,
) -> None:
    root = make_catalog()
    commit(root, "released", "v1.0.0")
    commit(root, "later")
    _, version, ref = used(str(root), "HEAD")
    commit(root, "next", "v1.0.1")
    source = open_source(str(root))
    assert used(str(root), ref) == used(str(root), version) == ("later", version, ref)
    assert source.find("1.0.0") < source.find(ref) < source.newest()
    assert used(str(root), "HEAD") == ("next", "1.0.1", "v1.0.1"), "a tagged commit is released"


def test_a_catalog_without_version_tags_leads_to_its_newest_commit(
    make_catalog: MakeCatalog,
) -> None:
    root = make_catalog()
    first = commit(root, "first")
    mark, _, ref = used(f"file://{root}")
    assert (mark, ref) == ("first", first[:7])
    assert "has no version tags" in notes(f"file://{root}")
    commit(root, "second")
    source = open_source(f"file://{root}")
    assert source.versions() == ()
    assert source.find(ref) < source.newest()
    assert used(f"file://{root}", ref)[0] == "first"
    commit(root, "third", "v0.1.0")
    source = open_source(f"file://{root}")
    assert source.find(ref) < source.newest()


def test_what_a_repository_does_not_have_is_named_with_what_it_has(
    make_catalog: MakeCatalog,
) -> None:
    root = make_catalog()
    commit(root, "x", "v1.0.0")
    source = open_source(str(root))
    for text in ("mian", "deadbeef", "--upload-pack=x", "HEAD~1", "v1.0.0-1-gdeadbeef", ""):
        with pytest.raises(ScaffoldError, match="not a version, branch or commit") as caught:
            source.find(text)
        assert "versions: 1.0.0; branches: main" in caught.value.hint
    with pytest.raises(ScaffoldError, match=r"unknown version 2\.0"):
        source.find("2.0")


def test_a_working_tree_is_used_where_nothing_is_tagged_or_when_asked_for(
    make_catalog: MakeCatalog,
) -> None:
    root = make_catalog()
    commit(root, "committed")
    assert used(str(root))[0] == "committed"
    write_files(root, {MARK: "edited"})
    mark, version, ref = used(str(root))
    assert (mark, ref) == ("edited", f"v{version}")
    assert version.startswith("0.0.0.dev0+")
    assert "the working tree" in notes(str(root))
    assert used(str(root), "HEAD")[0] == "committed"

    git(root, "commit", "-aqm", "edited")
    git(root, "tag", "v1.0.0")
    assert notes(str(root)) == ""
    write_files(root, {MARK: "edited again"})
    assert used(str(root))[0] == "edited"
    assert "--version working-tree" in notes(str(root))
    assert used(str(root), "working-tree")[0] == "edited again"


def test_a_catalog_may_be_a_folder_of_a_repository(tmp_path: Path) -> None:
    repo = tmp_path / "mono"
    write_files(repo, {f"tools/templates/{name}": text for name, text in FILES.items()})
    write_files(repo, {f"tools/templates/{MARK}": "in a folder"})
    for number in range(3):
        write_files(repo, {f"app/{number}.bin": os.urandom(10)})
    commit_all(repo, "v1.0.0")
    for spec in (f"{repo}#subdir=tools/templates", f"file://{repo}#subdir=/tools/templates/"):
        with open_source(spec).tree() as tree:
            assert (tree.root / MARK).read_text() == "in a folder"
            assert sorted(path.name for path in tree.root.iterdir()) == [
                *("CHANGELOG.md", "catalog.yaml", "copier.yml", "templates"),
            ]
            assert tree.url == spec.replace("/tools/templates/", "tools/templates")
            assert tree.name == "templates"
    with (
        pytest.raises(ScaffoldError, match="there is no folder 'tools/nothing' in it"),
        open_source(f"file://{repo}#subdir=tools/nothing").tree(),
    ):
        pass
    for wrong in ("#subdir=../x", "#subdir=", "#subdir=.git", "#egg=x"):
        with pytest.raises(UsageError):
            open_source(f"file://{repo}{wrong}")


def test_a_plain_folder_inside_a_repository_says_how_to_get_versions(tmp_path: Path) -> None:
    repo = tmp_path / "mono"
    write_files(repo, {f"templates/{name}": text for name, text in FILES.items()})
    commit_all(repo, "v1.0.0")
    assert f"{repo}#subdir=templates" in notes(f"{repo}/templates").replace(MARK, "")


@pytest.mark.parametrize(
    ("spec", "address", "recorded"),
    [
        ("gh:owner/repo", "https://github.com/owner/repo.git", "gh:owner/repo"),
        ("gh:/owner/repo.git", "https://github.com/owner/repo.git", "gh:/owner/repo.git"),
        ("gl:group/sub/repo", "https://gitlab.com/group/sub/repo.git", "gl:group/sub/repo"),
        ("bb:o/r", "https://bitbucket.org/o/r.git", "https://bitbucket.org/o/r.git"),
        ("gh:o/r#subdir=a/b", "https://github.com/o/r.git", "gh:o/r#subdir=a/b"),
        ("git+https://host/x", "https://host/x", "git+https://host/x"),
        ("git+ssh://git:pw@host/x", "ssh://git:pw@host/x", "git+ssh://git@host/x"),
        ("git+https://u:pw@host/x", "https://u:pw@host/x", "git+https://host/x"),
        ("git+file:///a/b", "file:///a/b", "git+file:///a/b"),
        ("https://u@host/x?y=a@b#z", "https://u@host/x?y=a@b#z", "https://host/x?y=a@b#z"),
        ("git@host:o/r.git", "git@host:o/r.git", "git@host:o/r.git"),
    ],
)
def test_shorthands_and_prefixes_are_those_of_copier(
    spec: str, address: str, recorded: str
) -> None:
    found = location.parse(spec)
    assert (found.address, found.url) == (address, recorded)


@pytest.mark.parametrize("spec", ["gh:", "gh:owner", "gh:-o/r", "gh:o/../r", "git+ext::sh -c x"])
def test_a_shorthand_that_names_no_repository_is_refused(spec: str) -> None:
    with pytest.raises(UsageError):
        open_source(spec)


def through_environment(monkeypatch: pytest.MonkeyPatch, *pairs: tuple[str, str]) -> None:
    """Configure git as CI does: without a file."""
    monkeypatch.setenv("GIT_CONFIG_COUNT", str(len(pairs)))
    for number, (key, value) in enumerate(pairs):
        monkeypatch.setenv(f"GIT_CONFIG_KEY_{number}", key)
        monkeypatch.setenv(f"GIT_CONFIG_VALUE_{number}", value)


def test_access_given_through_the_environment_is_used(
    make_catalog: MakeCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_catalog(name="owner/repo.git")
    commit(root, "x", "v1.0.0")
    commit(root, "y")
    through_environment(
        monkeypatch,
        (f"url.file://{root.parents[1]}/.insteadOf", "https://github.com/"),
        ("safe.bareRepository", "explicit"),
        ("core.autocrlf", "true"),
        ("init.defaultObjectFormat", "sha256"),
        ("fetch.prune", "true"),
        ("fetch.pruneTags", "true"),
    )
    monkeypatch.setenv("GIT_DEFAULT_HASH", "sha256")
    assert used("gh:owner/repo") == ("x", "1.0.0", "v1.0.0")
    assert used("gh:owner/repo", "HEAD")[0] == "y"


def test_a_configuration_parameter_of_the_command_line_reaches_git(
    make_catalog: MakeCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`git -c key=value`, of which this program may be an alias, hands it on this way."""
    root = make_catalog(name="owner/repo.git")
    commit(root, "x", "v1.0.0")
    rewrite = f"'url.file://{root.parents[1]}/.insteadof'='https://github.com/'"
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", rewrite)
    assert used("gh:owner/repo")[0] == "x"


def test_a_repository_of_sha256_objects_is_read(make_catalog: MakeCatalog) -> None:
    root = make_catalog()
    git(root, "init", "-q", "-b", "main", "--object-format=sha256")
    commit(root, "x", "v1.0.0")
    newest = commit(root, "y")
    assert used(str(root)) == ("x", "1.0.0", "v1.0.0")
    assert used(str(root), newest)[0] == "y"


def test_bare_shallow_and_bundled_repositories_are_read(
    make_catalog: MakeCatalog, tmp_path: Path
) -> None:
    root = make_catalog()
    commit(root, "x", "v1.0.0")
    commit(root, "y")
    git(tmp_path, "clone", "-q", "--bare", str(root), "bare.git")
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{root}", "shallow")
    git(root, "bundle", "create", "-q", str(tmp_path / "all.bundle"), "HEAD", "--all")
    for spec in ("bare.git", "all.bundle"):
        assert used(str(tmp_path / spec))[:2] == ("x", "1.0.0"), spec
        assert used(str(tmp_path / spec), "HEAD")[0] == "y", spec
    assert used(str(tmp_path / "shallow"))[0] == "y"


def test_submodules_that_are_left_out_are_named(make_catalog: MakeCatalog) -> None:
    inner = make_catalog(name="inner")
    commit_all(inner, "v1.0.0")
    root = make_catalog()
    git(root.parent, "init", "-q", str(root))
    git(root, "submodule", "add", "-q", str(inner), f"{PROJECT}/sub")
    commit(root, "x", "v1.0.0")
    assert f"submodules are left out: {PROJECT}/sub" in notes(str(root))


def test_an_error_names_the_file_of_the_catalog_and_not_a_scratch_folder(
    make_catalog: MakeCatalog,
) -> None:
    root = make_catalog({"copier.yml": f"_tasks: [id]\n{COPIER_YML}"})
    commit(root, "x", "v1.0.0")

    with pytest.raises(ScaffoldError) as caught, open_source(str(root)).tree() as tree:
        copier_yml.questions(tree.root)
    assert caught.value.message.startswith("copier.yml, line 1: _tasks: refused")
