"""Repositories, renders and upgrades for tests, without rendering anything."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_scaffold.__main__ import main
from mlops_scaffold.git.index import read_index
from mlops_scaffold.git.objects import scratch
from mlops_scaffold.git.repo import open_repo
from mlops_scaffold.upgrade import apply, journal
from mlops_scaffold.upgrade.merge import Sides, merge
from mlops_scaffold.upgrade.plan import make_plan
from mlops_scaffold.upgrade.preflight import check_tracked
from mlops_scaffold.upgrade.skip import Skips
from mlops_scaffold.upgrade.trees import Labels

if TYPE_CHECKING:
    from mlops_scaffold.git.objects import Scratch
    from mlops_scaffold.git.repo import Repo
    from mlops_scaffold.upgrade.model import Plan

LABELS = Labels("template v1.0.0", "template v1.1.0")
Files = Mapping[str, bytes | str | None]  # None in an edit: delete; "-> x" a link; "x!" executable


def git(folder: Path, *args: str, stdin: bytes = b"", check: bool = True) -> bytes:
    """Run git as a person would, but with a known identity."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    env |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    for role in ("AUTHOR", "COMMITTER"):
        env |= {f"GIT_{role}_NAME": "Owner", f"GIT_{role}_EMAIL": "owner@example.org"}
    done = subprocess.run(
        ["git", *args], cwd=folder, input=stdin, capture_output=True, env=env, check=False
    )
    assert not check or done.returncode == 0, done.stderr.decode()
    return done.stdout


def write(root: Path, files: Files) -> None:
    """Write files below a folder: bytes, text, None to delete, "-> target" for a link."""
    for path, content in files.items():
        target = root / path.rstrip("!")
        if target.is_symlink() or target.is_file():
            target.unlink()
        if content is None:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str) and content.startswith("-> "):
            target.symlink_to(content.removeprefix("-> "))
            continue
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        if path.endswith("!"):
            target.chmod(0o755)


def read(root: Path) -> dict[str, tuple[str, bytes]]:
    """Every file below a folder but git's: kind and mode, bytes. Empty folders count."""
    found: dict[str, tuple[str, bytes]] = {}
    for here, folders, files in os.walk(root):
        if Path(here) == root and ".git" in folders:
            folders.remove(".git")
        for name in [*files, *folders]:
            path = Path(here, name)
            key = str(path.relative_to(root))
            if key == ".git":
                continue
            if path.is_symlink():
                found[key] = ("link", os.fsencode(path.readlink()))
            elif path.is_dir():
                if not any(path.iterdir()):
                    found[key] = ("folder", b"")
            else:
                kind = "program" if path.stat().st_mode & 0o100 else "file"
                found[key] = (kind, path.read_bytes())
    return found


def index(root: Path) -> bytes:
    """The whole index, flags and stages included."""
    return git(root, "ls-files", "-z", "-v", "--stage", "--full-name", ":/")


@dataclass
class World:
    """A template in two versions, and a project made from the first."""

    root: Path
    base: Path
    new: Path
    repo: Path  # top of the work tree
    project: Path
    skips: Skips = field(default_factory=Skips)

    def own(self, files: Files) -> None:
        """The owner edits and commits."""
        write(self.project, files)
        self.commit()

    def commit(self) -> None:
        git(self.repo, "add", "-A")
        git(self.repo, "commit", "-qm", "Work", "--allow-empty")

    def plan(self) -> Plan:
        repo = open_repo(self.project)
        with scratch(repo) as store:
            return self._plan(repo, store)

    def upgrade(self) -> Plan:
        repo = open_repo(self.project)
        with journal.lock(repo), scratch(repo) as store:
            plan = self._plan(repo, store)
            apply.apply(repo, store, plan, versions=("1.0.0", "1.1.0"))
            return plan

    def _plan(self, repo: Repo, store: Scratch) -> Plan:
        index = read_index(repo)
        check_tracked(repo, index)
        text = (self.new / ".copier-answers.yml").read_bytes()
        sides = Sides(self.base, self.new, text, LABELS, self.skips)
        return make_plan(repo, index, merge(repo, store, index, sides))

    def verdicts(self, plan: Plan | None = None) -> dict[str, str]:
        return {change.path: change.verdict for change in (plan or self.plan()).changes}


def answers(version: str) -> str:
    return f"_commit: v{version}\n_src_path: mlops-scaffold://catalog.git\ntemplate: demo\n"


def make_world(root: Path, base: Files, change: Files, *, prefix: str = "") -> World:
    """A template with `base` at 1.0.0 and `change` on top at 1.1.0; a project of the first."""
    repo = root / "repo"
    project = repo / prefix
    old, new = root / "base", root / "new"
    for folder in (old, new, project):
        folder.mkdir(parents=True, exist_ok=True)
        write(folder, base)
        write(folder, {".copier-answers.yml": answers("1.0.0")})
    write(new, {**change, ".copier-answers.yml": answers("1.1.0")})
    git(repo, "init", "-q", "-b", "main")
    world = World(root, old, new, repo, project)
    world.commit()
    return world


QUESTIONS = """\
demo_size:
  type: str
  help: Size?
  choices: [small, large]
  default: small
  when: "{{ template == 'demo' }}"
"""
CATALOG: Files = {
    "catalog.yaml": "projects:\n  - {slug: demo, title: Demo, level: beginner}\n",
    "copier.yml": """\
_subdirectory: "templates/{{ template }}/project"
_templates_suffix: .jinja
_answers_file: .copier-answers.yml
_skip_if_exists: ["models/{{ project_name }}.py", "*.seed"]
template: {type: str, help: which}
project_name: {type: str, help: its name, default: "{{ template }}"}
---
!include templates/*/questions.yml
""",
    "templates/demo/questions.yml": QUESTIONS,
    "templates/demo/project/{{ _copier_conf.answers_file }}.jinja": (
        "{{ _copier_answers | to_nice_yaml -}}\n"
    ),
}


def make_catalog(root: Path, *versions: Files) -> Path:
    """A catalog of its own in git, with the project `demo` in versions 1.0.0, 1.1.0 and so on."""
    root.mkdir(parents=True)
    git(root, "init", "-q", "-b", "main")
    write(root, CATALOG)
    for number, files in enumerate(versions):
        write(root, {f"templates/demo/project/{path}": text for path, text in files.items()})
        git(root, "add", "-A", "-f")
        git(root, "commit", "-qm", f"Version {number}", "--allow-empty")
        git(root, "tag", f"v1.{number}.0")
    return root


def make_project(catalog: Path, folder: Path, *options: str) -> Path:
    """A project of the catalog's first version, made by the program and committed."""
    call = ["new", "demo", str(folder), "--catalog", str(catalog), "--version", "1.0.0", "-y"]
    assert main([*call, *options]) == 0
    return folder
