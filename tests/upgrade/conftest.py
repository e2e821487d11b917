"""A catalog with a past: two released versions, made by `release`, and projects of the first."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packaging.version import Version

from mlops_scaffold.authoring import release
from mlops_scaffold.render.render import render
from mlops_scaffold.source.builtin import BuiltinSource
from tests.upgrade.support import Files, git, write

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
LINES = "".join(f"line {n}\n" for n in range(20))
PYPROJECT = """\
[project]
name = "{{ project_name }}"
dependencies = [
  "fastapi>=0.100",
  "numpy>=1.26",  # arrays
  "pydantic>=2",
]
"""
OLD: Files = {
    "CHANGELOG.md": "# Changelog\n\n## Unreleased\n\n- The start.\n",
    "catalog.yaml": "projects:\n  - slug: demo\n    title: Demo\n    level: beginner\n",
    "copier.yml": (ROOT / "copier.yml").read_text(encoding="utf-8"),
    "templates/demo/questions.yml": (
        "demo_size:\n  type: str\n  help: Size?\n  choices: [small, large]\n  default: small\n"
        "  when: \"{{ template == 'demo' }}\"\n"
    ),
    "templates/demo/project/app.py": LINES,
    "templates/demo/project/pyproject.toml.jinja": PYPROJECT,
    "templates/demo/project/size.txt.jinja": "{{ demo_size }}\n",
    "templates/demo/project/.gitignore.jinja": ".env\n",
    "templates/demo/project/{{ _copier_conf.answers_file }}.jinja": (
        "{{ _copier_answers | to_nice_yaml -}}\n"
    ),
    "src/mlops_scaffold/__init__.py": '"""Doc."""\n\n__version__ = "0.1.0.dev0"\n',
}
NEW: Files = {
    "templates/demo/project/app.py": LINES.replace("line 3\n", "line 3 of the template\n"),
    "templates/demo/project/added.txt": "added\n",
    "templates/demo/project/pyproject.toml.jinja": PYPROJECT.replace("0.100", "0.110").replace(
        '  "pydantic>=2",\n', '  "pydantic>=2",\n  "httpx>=0.27",\n'
    ),
    "templates/demo/questions.yml": (
        f"{OLD['templates/demo/questions.yml']!s}"
        "demo_extra:\n  type: bool\n  help: Extra?\n  default: false\n"
        "  when: \"{{ template == 'demo' }}\"\n"
    ),
    "src/mlops_scaffold/__init__.py": '"""Doc."""\n\n__version__ = "0.2.0.dev0"\n',
}


def commit(root: Path) -> None:
    git(root, "add", "-A")
    git(root, "commit", "-qm", "Work", "--allow-empty")


def start(root: Path) -> Path:
    """A checkout in which nothing was released."""
    write(root, OLD)
    git(root, "init", "-q", "-b", "main")
    git(root, "config", "user.name", "Maintainer")
    git(root, "config", "user.email", "maintainer@example.org")
    commit(root)
    return root


@pytest.fixture(scope="session")
def _released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = start(tmp_path_factory.mktemp("catalog") / "checkout")
    release.cut(root, "0.1.0", date=dt.date(2026, 1, 2))
    write(root, NEW)
    changelog = (root / "CHANGELOG.md").read_text()
    changelog = changelog.replace("## Unreleased\n", "## Unreleased\n\n- Line 3 is better.\n")
    write(root, {"CHANGELOG.md": changelog})
    commit(root)
    release.cut(root, "0.2.0", date=dt.date(2026, 2, 3))
    return root


@pytest.fixture
def catalog(
    _released: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The checkout, standing at 0.2.0; it is the built-in catalog of this test."""
    root = tmp_path / "catalog"
    shutil.copytree(_released, root)
    cache = tmp_path_factory.getbasetemp() / "cache"
    monkeypatch.setenv("MLOPS_SCAFFOLD_CACHE_DIR", str(cache))
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Owner")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "owner@example.org")
    at_hand = BuiltinSource(root, Version("0.2.0"))
    monkeypatch.setattr("mlops_scaffold.source.opening.builtin", lambda: at_hand)
    return root


@pytest.fixture
def make_project(catalog: Path, tmp_path: Path) -> Callable[..., Path]:
    """Make a committed project of 0.1.0."""

    def make(name: str = "shop", **answers: str) -> Path:
        origin = BuiltinSource(catalog, Version("0.2.0"))
        folder = tmp_path / name
        with origin.tree(Version("0.1.0")) as tree:
            render(tree, {"template": "demo", "project_name": name, **answers}, folder)
        git(folder, "init", "-q", "-b", "main")
        commit(folder)
        return folder

    return make
