"""Container tools without an engine: packages, storage of our own, and the base image.

Base images are kept under `cache_dir()`; what is built goes into a store of its own, which leaves
with its folder. Nothing is written to /etc. Where Docker Hub can be reached, the base is the real
`python:X.Y-slim`; elsewhere a stand-in is made of a minimal Debian and the CPython of this machine.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from .debian import need_packages
from .domain import SkipStepError
from .pythons import interpreter
from .shell import cache_dir, locked
from .unit import Unit

_PACKAGES = (
    *("buildah", "podman", "runc", "debootstrap"),
    *("netavark", "aardvark-dns", "iptables", "ca-certificates"),
)
_DEBIAN = "bookworm"
_LIBRARIES = (  # what CPython's own modules link to
    *("ca-certificates", "netbase", "tzdata", "libssl3", "libsqlite3-0", "libffi8", "libbz2-1.0"),
    *("liblzma5", "zlib1g", "libreadline8", "libncursesw6", "libuuid1", "libexpat1", "libgdbm6"),
    "libdb5.3",
)
_TRIMMED = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info")
_NOT_COPIED = ("site-packages", "dist-packages", "test", "idlelib", "tkinter", "turtledemo")
_BASE = re.compile(r"^(?:docker\.io/library/)?python:(3\.\d+)(?:\.\d+)?-slim(?:-\w+)?$")
_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"

# The build tool, told what a Docker engine would know by itself.
_BUILDAH = """#!/bin/sh
case "$1" in
  build|bud) shift
    exec {buildah} build --isolation chroot --network host --format docker --pull-never --layers \\
      -v /etc/ssl/certs:/etc/ssl/certs:ro "$@" ;;
  *) exec {buildah} "$@" ;;
esac
"""
_STORAGE = """[storage]
driver = "overlay"
graphroot = "{folder}/store"
runroot = "{folder}/run"
[storage.options]
additionalimagestores = [{others}]
"""
_CONTAINERS = """[containers]
default_ulimits = ["nofile=20000:20000", "nproc=4096:4096"]
log_driver = "k8s-file"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""


def discard(folder: Path) -> None:
    """Give back what a store in `folder` takes: gigabytes, and the mounts of its layers."""
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    inside = [where for where in reversed(mounts) if Path(where).is_relative_to(folder)]
    if inside:
        subprocess.run(["umount", "--lazy", *inside], check=False, capture_output=True)
    shutil.rmtree(folder, ignore_errors=True)


@cache
def engine_env(folder: Path | None = None) -> dict[str, str]:
    """Settings that keep buildah and podman in `folder`, where they find the base images, too.

    Without a folder it is the store of the base images itself. Needs root.
    """
    if os.geteuid() != 0:
        message = "building and running images here needs root"
        raise SkipStepError(message)
    need_packages(_PACKAGES)
    bases = cache_dir() / "containers"
    place = folder or bases
    place.mkdir(parents=True, exist_ok=True)
    others = f'"{bases}/store"' if folder else ""
    (place / "storage.conf").write_text(_STORAGE.format(folder=place, others=others))
    (place / "containers.conf").write_text(_CONTAINERS)
    return {
        "CONTAINERS_STORAGE_CONF": str(place / "storage.conf"),
        "CONTAINERS_CONF": str(place / "containers.conf"),
    }


def unit_env(unit: Unit) -> dict[str, str]:
    """The settings of a unit's own store of images.

    Raises:
        SkipStepError: There can be none here.
    """
    return engine_env(unit.scratch / "containers")


def write_buildah_wrapper(folder: Path) -> None:
    """Put a `buildah` into `folder` that builds with what this machine needs to be told."""
    wrapper = folder / "buildah"
    wrapper.write_text(_BUILDAH.format(buildah=shutil.which("buildah") or "/usr/bin/buildah"))
    wrapper.chmod(0o755)


def bases(dockerfile: Path) -> list[str]:
    """The images that the Dockerfile starts from or copies from, its own stages left out."""
    text = dockerfile.read_text()
    arguments = dict(re.findall(r"^ARG (\w+)=(\S+)", text, re.MULTILINE))
    stages: set[str] = set()
    found: list[str] = []
    for image, stage in re.findall(
        r"^(?:FROM(?: --\S+)*|COPY(?: --chown=\S+)* --from=?) ?(\S+)(?: AS (\S+))?",
        text,
        re.MULTILINE | re.IGNORECASE,
    ):
        plain = re.sub(r"\$\{?(\w+)\}?", lambda match: arguments.get(match[1], match[0]), image)
        if plain not in stages and plain != "scratch" and not plain.isdigit():
            found.append(plain)
        stages.add(stage)
    return list(dict.fromkeys(found))


def provide(image: str) -> None:
    """Have `image` in our storage: it is there, it can be pulled, or a stand-in is made."""
    env = os.environ | engine_env()
    with locked("base-image"):
        if _podman(["image", "exists", image], env).returncode == 0:
            return
        full = f"docker.io/library/{image}"
        pulled = _podman(["pull", "--quiet", full], env, timeout=60)
        if pulled.returncode == 0:
            _podman(["tag", full, f"localhost/{image}"], env)  # found by its short name
            return
        match = _BASE.match(image)
        if match is None:
            message = f"{image} can't be pulled and has no stand-in (only python:X.Y-slim has)"
            raise SkipStepError(message)
        _import(image, _root_filesystem(str(interpreter(match[1]))), env)


def _podman(
    arguments: Sequence[str], env: dict[str, str], timeout: float = 300
) -> subprocess.CompletedProcess[str]:
    command = ["podman", *arguments]
    try:
        return subprocess.run(
            command, env=env, capture_output=True, text=True, check=False, timeout=timeout
        )
    except subprocess.TimeoutExpired as error:
        return subprocess.CompletedProcess(command, 124, "", str(error))


def _root_filesystem(python: str) -> Path:
    """A minimal Debian with this machine's CPython in /usr/local, as a tar file (cached)."""
    query = "import sysconfig as s; print(s.get_path('stdlib'), s.get_config_var('LIBDIR'))"
    stdlib, libdir = subprocess.check_output([python, "-c", query], text=True).split()
    version = Path(stdlib).name
    tar = cache_dir() / "containers" / f"{version}-{_DEBIAN}-{sysconfig.get_platform()}.tar"
    if tar.exists():
        return tar
    root = tar.with_suffix(".root")
    shutil.rmtree(root, ignore_errors=True)
    include = f"--include={','.join(_LIBRARIES)}"
    _checked(["debootstrap", "--variant=minbase", include, _DEBIAN, str(root)])
    for folder in _TRIMMED:
        shutil.rmtree(root / folder, ignore_errors=True)
    for leftover in (*root.glob("var/cache/apt/archives/*.deb"), *root.glob("var/lib/apt/lists/*")):
        shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
    _copy_python(Path(python), Path(stdlib), Path(libdir), root)
    unpacked = ["--one-file-system", "--exclude=./dev/*", "--exclude=./proc/*", "--exclude=./sys/*"]
    _checked(["tar", "-C", str(root), *unpacked, "-cf", f"{tar}.part", "."])
    Path(f"{tar}.part").rename(tar)
    shutil.rmtree(root)
    return tar


def _copy_python(python: Path, stdlib: Path, libdir: Path, root: Path) -> None:
    version = stdlib.name  # python3.11
    local = root / "usr" / "local"
    target = local / "bin" / version
    shutil.copy2(python.resolve(), target)
    for link, to in (("python3", version), ("python", "python3")):
        (local / "bin" / link).symlink_to(to)
    ignore = shutil.ignore_patterns(
        *_NOT_COPIED, "__pycache__", "*.a", "config-3*", "_tkinter*", "EXTERNALLY-MANAGED"
    )
    shutil.copytree(stdlib, local / "lib" / version, symlinks=True, ignore=ignore)
    (local / "lib" / version / "site-packages").mkdir(exist_ok=True)
    for library in libdir.glob("libpython3*.so*"):
        shutil.copy2(library, local / "lib" / library.name, follow_symlinks=False)
    (root / "etc/ld.so.conf.d/python.conf").write_text("/usr/local/lib\n")
    inside = ["chroot", str(root)]
    _checked([*inside, "ldconfig"])
    _checked([*inside, "python3", "-m", "ensurepip"])
    (local / "bin" / "pip").symlink_to("pip3")
    _checked([*inside, "python3", "-c", "import ssl, sqlite3, ctypes, lzma, bz2, zlib, uuid"])


def _import(image: str, tar: Path, env: dict[str, str]) -> None:
    """Import the root file system under the name that Dockerfiles use for the real image."""
    changes = (
        "ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
        "ENV LANG=C.UTF-8",
        # pip and uv in a build see this machine's certificates, which are mounted, not copied.
        f"ENV PIP_CERT={_CERTIFICATES}",
        f"ENV SSL_CERT_FILE={_CERTIFICATES}",
        'CMD ["python3"]',
    )
    options = [part for change in changes for part in ("--change", change)]
    name = f"localhost/{image.removeprefix('docker.io/library/')}"
    done = _podman(["import", "--quiet", *options, str(tar), name], env)
    if done.returncode:
        message = f"podman import: {done.stderr.strip()[-300:]}"
        raise SkipStepError(message)


def _checked(command: Sequence[str]) -> None:
    env = {"PATH": os.environ["PATH"] + ":/usr/sbin:/sbin", "LANG": "C.UTF-8"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        message = f"{' '.join(command[:4])}: {(done.stdout + done.stderr).strip()[-300:]}"
        raise SkipStepError(message)
