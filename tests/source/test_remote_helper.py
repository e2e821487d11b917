"""Plain git and plain Copier on the packaged history, by `git-remote-mlops-scaffold`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import mlops_scaffold

from .conftest import commit_all, cut_release, git, write_files

if TYPE_CHECKING:
    from .conftest import MakeCatalog

URL = "mlops-scaffold://catalog.git"


@pytest.fixture
def installed(make_catalog: MakeCatalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation with a catalog of two releases; its helper is on PATH."""
    site, bin_ = tmp_path / "site", tmp_path / "bin"
    shutil.copytree(Path(mlops_scaffold.__file__).parent, site / "mlops_scaffold")
    root = make_catalog(name="site/mlops_scaffold/_catalog")
    for version in ("0.1.0", "0.2.0"):
        write_files(root, {"templates/demo/project/version.txt": f"{version}\n"})
        cut_release(root, version)
    bin_.mkdir()
    helper = bin_ / "git-remote-mlops-scaffold"
    helper.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(site)!r})\n"
        "from mlops_scaffold.source.remote_helper import main\nsys.exit(main())\n"
    )
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("COPIER_CACHE_DIR", str(tmp_path / "copier-cache"))
    return root


def copier(cwd: Path, *args: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "copier", *args],
        cwd=cwd,
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.usefixtures("installed")
def test_git_sees_the_releases_as_tags(tmp_path: Path) -> None:
    listed = git(tmp_path, "ls-remote", "--tags", "--refs", URL)
    assert [line.split("refs/tags/")[1] for line in listed.splitlines()] == ["v0.1.0", "v0.2.0"]
    git(tmp_path, "clone", "-q", "--branch", "v0.1.0", URL, "clone")
    assert (tmp_path / "clone/templates/demo/project/version.txt").read_text() == "0.1.0\n"


@pytest.mark.usefixtures("installed")
def test_plain_copier_copies_and_updates(tmp_path: Path) -> None:
    project = tmp_path / "project"
    copier(
        tmp_path,
        "copy",
        "-q",
        "--defaults",
        "-d",
        "template=demo",
        "-r",
        "v0.1.0",
        URL,
        str(project),
    )
    assert (project / "version.txt").read_text() == "0.1.0\n"
    recorded = (project / ".copier-answers.yml").read_text()
    assert f"_commit: v0.1.0\n_src_path: {URL}\n" in recorded
    (project / "README.md").write_text("mine\n")
    commit_all(project, "start")
    copier(project, "update", "-q", "--defaults")
    assert (project / "version.txt").read_text() == "0.2.0\n"
    assert (project / "README.md").read_text() == "mine\n"
    assert "_commit: v0.2.0\n" in (project / ".copier-answers.yml").read_text()


@pytest.mark.usefixtures("installed")
def test_what_new_makes_plain_copier_updates(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {**os.environ, "PYTHONPATH": str(installed.parents[1])}
    new = [sys.executable, "-m", "mlops_scaffold", "new", "demo", "--version", "0.1.0"]
    subprocess.run(new, cwd=tmp_path, env=environment, check=True, capture_output=True)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    copier(tmp_path / "demo", "update", "-q", "--defaults")
    assert (tmp_path / "demo/version.txt").read_text() == "0.2.0\n"


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("url", ["mlops-scaffold://other.git", "mlops-scaffold:///etc"])
def test_any_other_url_is_refused(tmp_path: Path, url: str) -> None:
    done = subprocess.run(
        ["git", "ls-remote", url], cwd=tmp_path, capture_output=True, check=False, text=True
    )
    assert done.returncode != 0
    assert "no such catalog" in done.stderr


@pytest.mark.usefixtures("installed")
def test_pushing_is_refused(tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", URL, "clone")
    done = subprocess.run(
        ["git", "push", "origin", "HEAD:refs/heads/x"],
        cwd=tmp_path / "clone",
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode != 0
    assert "git-receive-pack" in done.stderr
