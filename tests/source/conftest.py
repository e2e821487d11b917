"""Small catalogs and histories, made for a test and gone with it."""

from __future__ import annotations

import os
import subprocess
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    MakeCatalog = Callable[..., Path]

COPIER_YML = """\
_subdirectory: "templates/{{ template }}/project"
_templates_suffix: .jinja
template:
  type: str
project_name:
  type: str
  default: "{{ template }}"
package_name:
  type: str
  when: false
  default: "{{ project_name | replace('-', '_') }}"
---
!include templates/*/questions.yml
"""
QUESTIONS = """\
demo_size:
  type: int
  default: 3
  validator: "{% if demo_size < 1 %}At least one.{% endif %}"
  when: "{{ template == 'demo' }}"
demo_colour:
  type: str
  choices: [red, green]
  default: red
  when: "{{ template == 'demo' }}"
demo_shade:
  type: str
  default: dark
  when: "{{ template == 'demo' and demo_colour == 'green' }}"
"""
CATALOG_YAML = """\
projects:
  - {slug: demo, title: A demonstration, level: beginner}
  - {slug: later, title: Not there yet, level: expert}
"""
ANSWERS_TEMPLATE = "# Kept.\n{{ _copier_answers | to_nice_yaml -}}\n"
FILES: Mapping[str, str] = {
    "CHANGELOG.md": "# Changelog\n",
    "catalog.yaml": CATALOG_YAML,
    "copier.yml": COPIER_YML,
    "templates/demo/questions.yml": QUESTIONS,
    "templates/demo/project/{{ _copier_conf.answers_file }}.jinja": ANSWERS_TEMPLATE,
    "templates/demo/project/README.md.jinja": "# {{ project_name }}: {{ demo_size }}\n",
    "templates/demo/project/src/{{ package_name }}/__init__.py": "",
    "templates/demo/project/run.sh": "#!/bin/sh\n",
}


@pytest.fixture(autouse=True)
def _own_places(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the developer's own cache, configuration or git shows in a test."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / ".cache"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in [name for name in os.environ if name.startswith(("GIT_AUTHOR", "GIT_COMMITTER"))]:
        monkeypatch.delenv(name)


@pytest.fixture
def make_catalog(tmp_path: Path) -> MakeCatalog:
    """Write a small catalog; `changes` adds files, or takes away those that are None."""

    def make(
        changes: Mapping[str, str | bytes | None] | None = None, name: str = "catalog"
    ) -> Path:
        root = tmp_path / name
        write_files(root, {**FILES, **(changes or {})})
        return root

    return make


def write_files(root: Path, files: Mapping[str, str | bytes | None]) -> None:
    for path, content in files.items():
        target = root / path
        if content is None:
            target.unlink(missing_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        target.chmod(0o755 if path.endswith(".sh") else 0o644)


def git(cwd: Path, *args: str, **env: str) -> str:
    identity = {
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "T"), ("EMAIL", "t@example.org"), ("DATE", "@1 +0000"))
    }
    done = subprocess.run(
        ["git", "-c", "protocol.file.allow=always", *args],
        cwd=cwd,
        env={**os.environ, **identity, **env},
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def commit_all(root: Path, tag: str) -> None:
    if not (root / ".git").exists():
        git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A", "-f")
    git(root, "commit", "-q", "--allow-empty", "-m", tag)
    git(root, "tag", tag)


def cut_release(root: Path, version: str) -> None:
    """Add the catalog at `root` to its `releases/`, as the release command does."""
    store = root.parent / f"{root.name}-store"
    store.mkdir(exist_ok=True)
    for path in store.iterdir():
        if path.name != ".git":
            subprocess.run(["rm", "-rf", str(path)], check=True)
    for part in ("CHANGELOG.md", "catalog.yaml", "copier.yml", "templates"):
        subprocess.run(["cp", "-a", str(root / part), str(store)], check=True)
    before = git(store, "tag") if (store / ".git").exists() else ""
    commit_all(store, f"v{version}")
    folder = root / "releases"
    folder.mkdir(exist_ok=True)
    bundle = folder / f"v{version}.bundle"
    exclude = [f"^{tag}" for tag in before.split()]
    git(store, "bundle", "create", "-q", str(bundle), f"refs/tags/v{version}", *exclude)
    index = folder / "index.yaml"
    lines = yaml.safe_load(index.read_text()) if index.exists() else []
    line = {
        "version": version,
        "bundle": bundle.name,
        "sha256": sha256(bundle.read_bytes()).hexdigest(),
        "commit": git(store, "rev-parse", f"v{version}^{{commit}}"),
    }
    index.write_text(yaml.safe_dump([*lines, line]))


def contents(root: Path) -> dict[str, tuple[int, bytes]]:
    """Every file under `root` but git's: mode and bytes by path."""
    return {
        path.relative_to(root).as_posix(): (path.stat().st_mode, path.read_bytes())
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(root).parts
    }
