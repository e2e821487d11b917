"""Edits of a rendered project flow back into the template it came from."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops_scaffold.render.render import render
from mlops_scaffold.source import builtin

from . import sync
from .test_harness import PROJECT, SHARED, WORDS, checkout

PACKAGE = f"{PROJECT}/src/{{{{ package_name }}}}"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with the tiny template, which the program takes for its own."""
    made = checkout(tmp_path / "catalog")
    monkeypatch.setattr(builtin, "builtin_root", lambda: made)
    return made


@pytest.fixture
def edited(root: Path, tmp_path: Path) -> Path:
    assert builtin.builtin_root() == root
    into = tmp_path / "my-sums"
    with builtin.builtin().tree() as tree:
        render(tree, {"template": "tiny", "project_name": "my-sums"}, into)
    return into


def add(path: Path, text: str) -> None:
    path.write_text((path.read_text() if path.exists() else "") + text)


def test_nothing_edited_is_nothing_changed(root: Path, edited: Path) -> None:
    assert sync.sync(root, "tiny", edited) == ([], [])


def test_edits_arrive_where_they_belong(root: Path, edited: Path) -> None:
    add(edited / "src/my_sums/serving.py", "# static\n")
    add(edited / "src/my_sums/words.py", "# beside Jinja\n")
    add(edited / "Makefile", "# own part\n")
    head = (edited / ".gitignore").read_text()
    (edited / ".gitignore").write_text(f"# shared part\n{head}")
    add(edited / "tests/test_more.py", "from my_sums import serving\n")
    (edited / "compose.yaml").unlink()
    changed, left = sync.sync(root, "tiny", edited)
    assert left == []
    assert (root / PACKAGE / "serving.py").read_text().endswith("# static\n")
    assert '"{{ tiny_word }}"\n# beside Jinja\n' in (root / WORDS).read_text()
    assert (root / PROJECT / "Makefile.jinja").read_text().endswith("# own part\n")
    assert (root / SHARED / "gitignore").read_text().startswith("# shared part\n")
    more = root / PROJECT / "tests/test_more.py.jinja"
    assert more.read_text() == "from {{ package_name }} import serving\n"
    assert not (root / PROJECT / "compose.yaml.jinja").exists()
    assert f"{SHARED}/gitignore" in changed
    assert len(changed) == 6


def test_an_edit_of_what_jinja_makes_is_left_to_a_person(root: Path, edited: Path) -> None:
    words = edited / "src/my_sums/words.py"
    words.write_text(words.read_text().replace("hello", "good day"))
    before = (root / WORDS).read_text()
    assert sync.sync(root, "tiny", edited) == ([], ["src/my_sums/words.py"])
    assert (root / WORDS).read_text() == before


def test_what_git_ignores_stays_where_it_is(root: Path, edited: Path) -> None:
    (edited / ".venv").mkdir()
    add(edited / ".venv/pyvenv.cfg", "home = x\n")
    add(edited / ".env", "KEY=1\n")
    assert sync.sync(root, "tiny", edited) == ([], [])


def test_a_project_of_another_template_is_refused(root: Path, edited: Path) -> None:
    with pytest.raises(ValueError, match="made from 'tiny', not from 'other'"):
        sync.sync(root, "other", edited)
