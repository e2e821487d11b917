"""Names of projects and their Python packages: fit for PyPI, imports and every file system."""

from __future__ import annotations

import keyword
import re
import sys
from typing import TYPE_CHECKING

from mlops_scaffold.errors import UsageError
from mlops_scaffold.files.portable import component_problem, reserved_on_windows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PROJECT = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
_MAX_LENGTH = 64
_HINT = "give another one: -d project_name=NAME"
_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^]]*\])?\s*==", re.MULTILINE)
# Packages that would clash with the project's own files, or with modules that many tools import.
# `copier.yml`, which can't import, repeats it for people who use Copier; a test compares the two.
RESERVED = frozenset({"code", "conftest", "setup", "site", "src", "test", "tests", "types"})
# Distributions whose module has another name than theirs, among those that templates use.
_MODULES = {
    "attrs": "attr",
    "beautifulsoup4": "bs4",
    "faiss-cpu": "faiss",
    "gitpython": "git",
    "grpcio": "grpc",
    "kafka-python": "kafka",
    "opencv-python-headless": "cv2",
    "pillow": "PIL",
    "protobuf": "google",
    "psycopg2-binary": "psycopg2",
    "pyjwt": "jwt",
    "pymupdf": "fitz",
    "pypdf2": "PyPDF2",
    "python-dateutil": "dateutil",
    "python-dotenv": "dotenv",
    "python-multipart": "multipart",
    "pyyaml": "yaml",
    "pyzmq": "zmq",
    "scikit-learn": "sklearn",
    "umap-learn": "umap",
}


def check_project_name(name: str) -> None:
    """Refuse a project name that would break its package, its upload or its folder.

    Raises:
        UsageError: It says why.
    """
    if not _PROJECT.fullmatch(name) or len(name) > _MAX_LENGTH:
        raise UsageError(
            f"{name!r} can't name a project: use lower-case letters, digits and single dashes,"
            f" start with a letter (like fraud-api), at most {_MAX_LENGTH} characters",
            hint=_HINT,
        )
    package = name.replace("-", "_")
    if keyword.iskeyword(package):
        raise UsageError(f"{name!r} can't name a project: it is a Python keyword", hint=_HINT)
    if package in sys.stdlib_module_names:
        reason = "its package would hide a module of Python's standard library"
        raise UsageError(f"{name!r} can't name a project: {reason}", hint=_HINT)
    if package in RESERVED:
        reason = "its package would clash with a file of the project"
        raise UsageError(f"{name!r} can't name a project: {reason}", hint=_HINT)
    if reserved_on_windows(name):
        reason = "Windows reserves it for a device"
        raise UsageError(f"{name!r} can't name a project: {reason}", hint=_HINT)


def check_folder_name(name: str) -> None:
    """Refuse a folder name that some system can't hold.

    Raises:
        UsageError: It says why.
    """
    if problem := component_problem(name):
        raise UsageError(f"{name!r} can't name the project's folder: {problem}")


def project_name_of(folder: str) -> str:
    """The project name that a folder's name suggests: `My Service 2` gives `my-service-2`."""
    return re.sub(r"[^a-z0-9_]+", "-", folder.casefold()).strip("-_")


def check_dependencies(project: Path, project_name: str) -> None:
    """Refuse a rendered project whose name or package is that of something it depends on.

    Raises:
        UsageError: It names the dependency.
    """
    pins = project / "constraints.txt"
    if not pins.is_file():
        return
    source = project / "src"
    packages = {path.name for path in source.iterdir()} if source.is_dir() else set()
    for distribution in _PIN.findall(pins.read_text(encoding="utf-8", errors="replace")):
        if packages.intersection(_modules(distribution)) or _same(distribution, project_name):
            raise UsageError(
                f"{project_name!r} can't name this project: it depends on {distribution},"
                " and Python could not tell the two apart",
                hint=_HINT,
            )


def _same(one: str, other: str) -> bool:
    """Whether PyPI takes two names for the same."""
    return _normal(one) == _normal(other)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _modules(distribution: str) -> Iterator[str]:
    yield _normal(distribution).replace("-", "_")
    if module := _MODULES.get(_normal(distribution)):
        yield module
