"""What is built carries all that `new` needs: in an empty environment, it works offline."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlops_scaffold.source.base import CATALOG_PARTS, catalog_files
from mlops_scaffold.source.builtin import builtin_root

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[2]


def uv() -> str:
    return shutil.which("uv") or str(Path(sys.executable).with_name("uv"))


def call(args: Sequence[str | Path], cwd: Path, **env: str) -> str:
    done = subprocess.run(
        args, cwd=cwd, env={**os.environ, **env}, capture_output=True, check=False, text=True
    )
    assert done.returncode == 0, f"{args}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The sdist, and the wheel that is built from it."""
    out = tmp_path_factory.mktemp("dist")
    call([uv(), "build", "--quiet", "--out-dir", out, ROOT], ROOT)
    return {"wheel": next(out.glob("*.whl")), "sdist": next(out.glob("*.tar.gz"))}


def test_the_wheel_carries_the_whole_catalog(built: dict[str, Path]) -> None:
    with zipfile.ZipFile(built["wheel"]) as wheel:
        prefix = "mlops_scaffold/_catalog/"
        carried = {
            info.filename.removeprefix(prefix): (
                wheel.read(info),
                bool(info.external_attr >> 16 & 0o100),
            )
            for info in wheel.infolist()
            if info.filename.startswith(prefix) and "/releases/" not in info.filename
        }
        names = wheel.namelist()
    assert carried == {
        path.relative_to(ROOT).as_posix(): (path.read_bytes(), os.access(path, os.X_OK))
        for path in catalog_files(ROOT)
    }
    released = {f"mlops_scaffold/_catalog/releases/{p.name}" for p in (ROOT / "releases").iterdir()}
    assert released <= set(names)
    assert "mlops_scaffold/py.typed" in names


def test_the_sdist_carries_the_whole_catalog(built: dict[str, Path]) -> None:
    with tarfile.open(built["sdist"]) as sdist:
        carried = {name.partition("/")[2] for name in sdist.getnames()}
    wanted = {path.relative_to(ROOT).as_posix() for path in catalog_files(ROOT)}
    assert wanted <= carried
    assert {"LICENSE", "README.md", "pyproject.toml"} <= carried


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_installed_it_scaffolds_with_no_network(
    built: dict[str, Path], tmp_path: Path, kind: str
) -> None:
    call([uv(), "venv", "--quiet", "--python", sys.executable, "venv"], tmp_path)
    python = tmp_path / "venv/bin/python"
    call([uv(), "pip", "install", "--quiet", "--python", python, built[kind]], tmp_path)
    program = tmp_path / "venv/bin/mlops-scaffold"
    offline = ["unshare", "--map-root-user", "--net"]
    if subprocess.run([*offline, "true"], check=False, capture_output=True).returncode:
        offline = []  # not allowed here: a proxy that refuses must do
    nowhere = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    call([*offline, program, "new", "model-service", "my-api", "-y"], tmp_path, **nowhere)
    call([*offline, program, "list"], tmp_path, **nowhere)
    checkout = [
        sys.executable,
        "-m",
        "mlops_scaffold",
        "new",
        "model-service",
        "other/my-api",
        "-y",
    ]
    call(checkout, tmp_path)
    assert listing(tmp_path / "my-api") == listing(tmp_path / "other/my-api")
    assert (tmp_path / "venv/bin/git-remote-mlops-scaffold").exists()


def listing(project: Path) -> dict[str, tuple[int, bytes]]:
    return {
        path.relative_to(project).as_posix(): (path.stat().st_mode, path.read_bytes())
        for path in project.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(project).parts
    }


def test_the_checkout_is_where_the_catalog_is_read_from_in_development() -> None:
    assert builtin_root() == ROOT
    assert {part for part in CATALOG_PARTS if not (ROOT / part).exists()} <= {"copier.yaml"}
