"""Modules of `model-service` that were renamed since 0.2.0: an owner's edits follow them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from mlops_scaffold.__main__ import main
from tests.upgrade.support import git

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

RELEASED = "0.2.0"
PACKAGE = "src/iris_api"
RENAMED = {
    f"{PACKAGE}/artifact.py": f"{PACKAGE}/bundle.py",
    f"{PACKAGE}/serving/store.py": f"{PACKAGE}/serving/manager.py",
    f"{PACKAGE}/web/direct.py": f"{PACKAGE}/web/fast_path.py",
    "loadtest/openloop.py": "loadtest/open_loop.py",
    "tests/serving/test_direct.py": "tests/serving/test_fast_path.py",
    "tests/serving/test_store.py": "tests/serving/test_manager.py",
    "tests/training/test_artifact.py": "tests/training/test_bundle.py",
}
OWN_FUNCTION = 'def own() -> str:\n    """Added by the owner."""\n    return "kept"\n\n\n'
EDITS: Mapping[str, Mapping[str, str]] = {  # path -> text in both versions -> what the owner made
    f"{PACKAGE}/artifact.py": {
        'CARD_FILE = "MODEL_CARD.md"\n': 'CARD_FILE = "CARD.md"\n',
        "    scratch.chmod(0o644)\n": "    scratch.chmod(0o640)\n",
        "def versions(": f"{OWN_FUNCTION}def versions(",
    },
    f"{PACKAGE}/serving/store.py": {
        "        self._max_rows = max_rows\n": "        self._max_rows = 2 * max_rows\n",
        "            await self.refresh()\n": "            await self.refresh()  # ours\n",
    },
    f"{PACKAGE}/web/direct.py": {
        '(b"content-type", b"application/json"),\n': (
            '(b"content-type", b"application/json"),\n            (b"x-owner", b"us"),\n'
        ),
    },
    "loadtest/openloop.py": {"(0.5, 0.9, 0.99)": "(0.5, 0.9, 0.99, 0.999)"},
    "tests/serving/test_direct.py": {
        "async def refuse(": f"{OWN_FUNCTION}async def refuse(",
    },
    "tests/serving/test_store.py": {"def swaps(": f"{OWN_FUNCTION}def swaps("},
    "tests/training/test_artifact.py": {"[0, 100, -1]": "[0, 1, 100, -1]"},
    # These import a module that was renamed.
    f"{PACKAGE}/demo.py": {"for value in row[:4])": "for value in row[:6])"},
    f"{PACKAGE}/training/train.py": {
        "    truth = table.codes[held_out]\n": "    truth = table.codes[held_out]  # ours\n",
    },
    f"{PACKAGE}/serving/routes.py": {
        "to_thread(model.predict, rows)\n": "to_thread(model.predict, rows)  # ours\n",
    },
}


def edited(path: str, text: str) -> str:
    """The owner's edits of one file, made in any version of the template."""
    for old, new in EDITS[path].items():
        assert text.count(old) == 1, f"{path} does not have {old!r} exactly once"
        text = text.replace(old, new)
    return text


def files(project: Path) -> set[str]:
    return set(git(project, "ls-files").decode().splitlines())


def call(*args: object) -> int:
    return main([str(arg) for arg in args])


@pytest.fixture
def _own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's own git configuration and cache out of the test."""
    monkeypatch.setenv("MLOPS_SCAFFOLD_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Owner")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "owner@example.org")


@pytest.mark.usefixtures("_own_places")
def test_edits_of_renamed_modules_and_of_their_importers_arrive_without_loss(
    tmp_path: Path,
) -> None:
    project, expected = tmp_path / "old" / "iris-api", tmp_path / "new" / "iris-api"
    for folder in (project, expected):
        folder.parent.mkdir()
    assert call("new", "model-service", project, "--version", RELEASED, "--defaults") == 0
    assert call("new", "model-service", expected, "--defaults") == 0
    gone = files(project) - files(expected)
    assert gone == set(RENAMED), "each file that was renamed since then is edited here"
    for path in EDITS:
        file = project / path
        file.write_text(edited(path, file.read_text()))
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "Make it ours")

    assert call("upgrade", project, "--defaults") == 0

    for path in EDITS:
        place = RENAMED.get(path, path)
        wanted = edited(path, (expected / place).read_text())
        assert (project / place).read_text() == wanted, f"{path}, now {place}"
    for path in RENAMED:
        assert not (project / path).exists(), f"{path} is still there"
    edited_now = {RENAMED.get(path, path) for path in EDITS}
    for path in files(expected) - edited_now:
        assert (project / path).read_bytes() == (expected / path).read_bytes(), path
    assert git(project, "ls-files", "--unmerged") == b"", "no conflict is left"
    assert git(project, "diff", "--name-only") == b"", "all of it is staged"
