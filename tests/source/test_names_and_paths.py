from __future__ import annotations

import keyword
import os
import re
import string
import sys
from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_scaffold.catalog import copier_yml
from mlops_scaffold.errors import ScaffoldError, UsageError
from mlops_scaffold.files import portable
from mlops_scaffold.render import names
from mlops_scaffold.render.engine import environment
from mlops_scaffold.source.base import TOOL_LEFTOVERS
from mlops_scaffold.source.builtin import builtin_root

GIT_FOLDERS = (
    ".git",
    ".GIT",
    ".GiT",
    ".git ",
    ".git.",
    ".git . .",
    ".git::$INDEX_ALLOCATION",
    ".git:stream",
    "git~1",
    "GIT~1",
    "git~42",
    ".g\u200cit",
    "\u200d.git",
    ".git\ufeff",
    ".gi\u202et",
    ".g\u00adit",
    "\uff0egit",
    ".\uff27\uff29\uff34",
    ".git\\hooks",
)


@pytest.mark.parametrize("name", GIT_FOLDERS)
def test_what_some_file_system_takes_for_git_is_seen(name: str) -> None:
    assert portable.like_git_folder(name)
    assert portable.component_problem(name)


@pytest.mark.parametrize(
    "name", [".gitignore", ".github", ".gitkeep", "git", "git~", "agit~1", "legit"]
)
def test_what_only_looks_alike_is_not(name: str) -> None:
    assert not portable.like_git_folder(name)
    assert portable.component_problem(name) is None


@given(st.data())
def test_no_case_or_ignorable_character_hides_a_git_folder(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([".git", "git~1"]))
    ignorable = st.text(
        st.sampled_from("\u200c\u200d\u200e\u200f\u202a\u202e\u206a\u206f\ufeff"), max_size=2
    )
    disguised = "".join(
        data.draw(ignorable) + data.draw(st.sampled_from([c, c.upper()])) for c in name
    )
    assert portable.like_git_folder(disguised + data.draw(st.text(" .", max_size=3)))


@pytest.mark.parametrize(
    "name",
    [
        *(
            "",
            ".",
            "..",
            "a/b",
            "a\\b",
            "a:b",
            "a*",
            "a?",
            'a"',
            "a<b",
            "a|b",
            "a\x00",
            "a\n",
            "a\x7f",
        ),
        *("a ", "a.", "con", "CON", "nul.txt", "Aux.tar.gz", "com1", "LPT9.log", "com¹", "conin$"),
        *("x" * 256, "é" * 128, "\udc80"),
    ],
)
def test_names_that_some_system_refuses_are_refused(name: str) -> None:
    assert portable.component_problem(name)


@given(st.text(min_size=1, max_size=20))
def test_a_name_that_passes_is_one_plain_component_everywhere(name: str) -> None:
    if portable.component_problem(name) is None:
        assert os.path.basename(name) == name  # noqa: PTH119  # the plainest reading of a path
        assert PureWindowsPath(name).parts == (name,)
        assert not PureWindowsPath(name).is_reserved()
        assert name not in {".", ".."}
        assert len(os.fsencode(name)) <= 255


name_characters = st.text(string.ascii_lowercase + string.digits + "-_", min_size=1, max_size=70)


@given(st.one_of(name_characters, st.sampled_from([*keyword.kwlist, *sys.stdlib_module_names])))
def test_a_project_name_that_passes_makes_a_package_that_can_be_imported(name: str) -> None:
    try:
        names.check_project_name(name)
    except UsageError:
        return
    package = name.replace("-", "_")
    assert package.isidentifier()
    assert package.islower()
    assert not keyword.iskeyword(package)
    assert package not in sys.stdlib_module_names
    assert portable.component_problem(name) is None


@pytest.mark.parametrize(
    "name",
    [
        *("", "A", "1a", "-a", "a-", "a--b", "a b", "a.b", "é", "a\n", "a" * 65),
        *("class", "import", "json", "test", "tests", "src", "con", "nul", "com1", "lpt9", "_a"),
    ],
)
def test_bad_project_names_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="can't name a project"):
        names.check_project_name(name)


@pytest.mark.parametrize("name", ["a", "fraud-api", "fraud_api", "model2", "x1-y2_z3", "console"])
def test_good_project_names_pass(name: str) -> None:
    names.check_project_name(name)


@pytest.mark.parametrize(
    ("folder", "name"),
    [("My Service 2", "my-service-2"), ("fraud_api", "fraud_api"), ("--x--", "x"), ("Ünï", "n")],
)
def test_a_folder_suggests_a_name(folder: str, name: str) -> None:
    assert names.project_name_of(folder) == name


@pytest.mark.parametrize("name", ["fastapi", "scikit-learn", "sklearn", "Scikit_Learn", "yaml"])
def test_a_name_that_hides_a_dependency_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "src" / name.replace("-", "_")).mkdir(parents=True)
    (tmp_path / "constraints.txt").write_text("fastapi==0.1\nscikit-learn==1.7 ; x\npyyaml==6\n")
    with pytest.raises(UsageError, match="depends on"):
        names.check_dependencies(tmp_path, name)


def test_a_name_that_only_starts_like_a_dependency_is_fine(tmp_path: Path) -> None:
    (tmp_path / "src" / "fastapi_demo").mkdir(parents=True)
    (tmp_path / "constraints.txt").write_text("fastapi==0.1\n")
    names.check_dependencies(tmp_path, "fastapi-demo")


def check(root: Path) -> None:
    portable.check_output(root, max_bytes=1000, max_files=5)


def test_output_is_settled_at_plain_modes(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir(mode=0o700)
    for name, mode in (("a", 0o600), ("b", 0o700), ("d/c", 0o777)):
        (tmp_path / name).write_text("x")
        (tmp_path / name).chmod(mode)
    check(tmp_path)
    modes = [(tmp_path / name).stat().st_mode & 0o7777 for name in ("a", "b", "d/c", "d")]
    assert modes == [0o644, 0o755, 0o755, 0o755]


def test_output_with_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc")
    with pytest.raises(ScaffoldError, match="'link', which is not a plain file"):
        check(tmp_path)


def test_output_with_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ScaffoldError, match="not a plain file"):
        check(tmp_path)


@pytest.mark.parametrize(("one", "other"), [("Read", "read"), ("é", "e\u0301")])
def test_output_that_some_systems_cannot_tell_apart_is_refused(
    tmp_path: Path, one: str, other: str
) -> None:
    (tmp_path / one).touch()
    (tmp_path / other).touch()
    if len(list(tmp_path.iterdir())) < 2:
        pytest.skip("this file system can't tell them apart either")
    with pytest.raises(ScaffoldError, match="renders both"):
        check(tmp_path)


def test_too_much_output_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x" * 1001)
    with pytest.raises(ScaffoldError, match="more than 5 files or 1000 bytes"):
        check(tmp_path)


def test_copier_users_are_kept_from_the_same_names() -> None:
    """`copier.yml` can't import the list of reserved names, so it repeats it."""
    (question,) = (
        entry for entry in copier_yml.entries(builtin_root()) if entry.key == "project_name"
    )
    template = environment(builtin_root()).from_string(question.value["validator"])
    candidates = {
        *names.RESERVED,
        *keyword.kwlist,
        *("a", "fraud-api", "a_b", "A", "1a", "-a", "a-", "a--b", "a b", "é", "a\n", "a" * 65),
        *("con", "prn", "aux", "nul", "com0", "lpt9", "console", "fake", "sources", "testing"),
    }
    for name in sorted(candidates):
        try:
            names.check_project_name(name)
            expected = False
        except UsageError:
            expected = True
        assert bool(template.render(project_name=name).strip()) is expected, name
    lists = re.findall(r"project_name in \[([^]]*)\]", question.value["validator"])
    keywords, reserved = (set(re.findall(r"'([^']*)'", each)) for each in lists)
    assert reserved == names.RESERVED
    assert keywords == {name for name in keyword.kwlist if name.islower()}


def test_copier_leaves_out_what_tools_leave_behind() -> None:
    (excluded,) = (e for e in copier_yml.entries(builtin_root()) if e.key == "_exclude")
    assert set(excluded.value) == TOOL_LEFTOVERS | {"*.py[co]"}
