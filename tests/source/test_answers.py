from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_scaffold import answers
from mlops_scaffold.errors import ScaffoldError

if TYPE_CHECKING:
    from pathlib import Path

GOOD = "_commit: v1.2.0\n_src_path: mlops-scaffold://catalog.git\ntemplate: demo\n"


def put(project: Path, content: str | bytes) -> Path:
    file = project / answers.FILE_NAME
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def test_reads_origin_version_and_answers(tmp_path: Path) -> None:
    file = put(tmp_path, GOOD)
    assert answers.read(tmp_path) == answers.Recorded(
        "mlops-scaffold://catalog.git", "v1.2.0", {"template": "demo"}, file
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (GOOD.replace("v1.2.0", "1.10"), "`_commit: 1.1` is not a version"),
        (GOOD.replace("v1.2.0", "'$(touch x)'"), r"is not a version"),
        (GOOD.replace("v1.2.0", "--upload-pack=x"), r"is not a version"),
        (GOOD.replace("v1.2.0", "v1 or v2"), "is not a version"),
        (GOOD.replace("_commit: v1.2.0\n", ""), "has no `_commit`: .* a folder without versions"),
        (GOOD.replace("_src_path: mlops-scaffold://catalog.git\n", ""), "which catalog"),
        (GOOD.replace("mlops-scaffold://catalog.git", '"a\\nb"'), "which catalog"),
        (GOOD + "<<<<<<< ours\na: 1\n=======\na: 2\n>>>>>>> theirs\n", r"yml:4: .* conflict"),
        (GOOD + "a: [1\n", r"yml:5: not valid YAML"),
        (GOOD + "a: !!python/object/apply:os.system [id]\n", "not valid YAML"),
        ("- a\n", "expected `key: value`"),
        ("", "expected `key: value`"),
        (b"a: \xe9\n", "not UTF-8 text"),
        ("a: " + "x" * 300_000, "larger than"),
        ("[" * 5000, "not valid YAML"),
    ],
)
def test_a_broken_file_is_refused_with_one_clear_message(
    tmp_path: Path, content: str | bytes, said: str
) -> None:
    put(tmp_path, content)
    with pytest.raises(ScaffoldError, match=said):
        answers.read(tmp_path)


def test_a_folder_without_an_answers_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScaffoldError, match="was not made by mlops-scaffold"):
        answers.read(tmp_path)


def test_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere.yml").write_text(GOOD)
    (tmp_path / answers.FILE_NAME).symlink_to("elsewhere.yml")
    with pytest.raises(ScaffoldError, match="symbolic link"):
        answers.read(tmp_path)


values = st.one_of(
    st.booleans(), st.integers(), st.text(), st.lists(st.text(max_size=5)), st.none()
)
keys = st.from_regex(re.compile(r"[a-z][a-z_]{0,20}", re.ASCII), fullmatch=True)


@given(st.dictionaries(keys, values))
def test_reading_returns_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, recorded: dict[str, object]
) -> None:
    project = tmp_path_factory.mktemp("project")
    text = answers.text("https://example.org/c.git", "v1.0", recorded)
    try:
        put(project, text)
    except UnicodeEncodeError:
        return  # lone surrogates are in no file
    if re.search(r"^(<<<<<<<|=======|>>>>>>>|\|\|\|\|\|\|\|)", text, re.MULTILINE):
        return
    found = answers.read(project)
    assert (found.url, found.version_text) == ("https://example.org/c.git", "v1.0")
    assert found.answers == recorded


def test_the_text_does_not_depend_on_the_order_of_the_answers() -> None:
    one = answers.text("u", "v1", {"a": 1, "b": "x" * 200})
    assert one == answers.text("u", "v1", {"b": "x" * 200, "a": 1})
    assert one.splitlines()[1:3] == ["_commit: v1", "_src_path: u"]
