"""Where a catalog is: what a person types, or a project records, taken apart and checked.

Only transports that can't run commands are accepted; credentials in a URL are for git alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from mlops_scaffold.errors import UsageError
from mlops_scaffold.files.portable import like_git_folder

_SCHEMES = frozenset({"file", "git", "http", "https", "ssh"})
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_AUTHORITY = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)")
_SCP_LIKE = re.compile(r"(?:[A-Za-z0-9._-]+@)?[A-Za-z0-9][A-Za-z0-9.-]+:(?!/{2})[^\s].*")
_SHORTHAND = re.compile(r"(?P<host>gh|gl|bb):/?(?P<path>.*)")
_HOSTS = {
    "gh": "https://github.com/",
    "gl": "https://gitlab.com/",
    "bb": "https://bitbucket.org/",
}
_UNKNOWN_TO_COPIER = frozenset({"bb"})  # recorded in full, so that plain Copier can read it, too
_HOSTED_PATH = re.compile(r"[A-Za-z0-9][\w.-]*(?:/[\w.-]+)+")
_FORCED_GIT = "git+"  # Copier's prefix for a git URL that doesn't look like one
_FRAGMENT = re.compile(r"(?P<base>.+)#(?P<key>[a-z]+)=(?P<value>.*)", re.DOTALL)
_BUNDLE = re.compile(rb"# v[23] git bundle\n")


@dataclass(frozen=True)
class Location:
    """Where a catalog is.

    Attributes:
        address: What git is given, or the folder; may hold credentials, so it is neither printed
            nor recorded.
        url: What is printed and recorded, without credentials.
        subdir: The catalog's folder within the repository; "" if it is the whole of it.
        folder: The folder on this machine, if it is one.
    """

    address: str
    url: str
    subdir: str = ""
    folder: Path | None = None


def parse(spec: str) -> Location:
    """The location that `spec` names: a folder, a git bundle, a URL or a shorthand.

    Raises:
        UsageError: It can't be any of them, or its transport is refused.
    """
    if spec.startswith("-") or not spec.isprintable() or not spec:
        raise UsageError(f"{spec!r} is not a catalog: expected a folder, a URL or a saved name")
    base, subdir = _split_subdir(spec)
    suffix = f"#subdir={subdir}" if subdir else ""
    folder = Path(base).expanduser()
    if folder.is_dir() or _is_bundle(folder):
        folder = folder.resolve()
        return Location(str(folder), f"{folder}{suffix}", subdir, folder)
    if short := _SHORTHAND.fullmatch(base):
        return _shorthand(short["host"], short["path"], base, subdir)
    if not is_url(base):
        return Location(base, spec, subdir, None)
    address = base.removeprefix(_FORCED_GIT)
    _check_transport(address)
    return Location(address, without_credentials(base) + suffix, subdir)


def is_url(spec: str) -> bool:
    """Whether `spec` is a URL (`https://...`, `git@host:path`) or a shorthand (`gh:owner/repo`)."""
    return bool(_SCHEME.match(spec) or ("::" in spec) or _SCP_LIKE.fullmatch(spec))


def without_credentials(url: str) -> str:
    """`url` without a password or token in it, fit to be printed and recorded."""
    found = _AUTHORITY.match(url)
    if not found:
        return url
    user, at, host = found["authority"].rpartition("@")
    if found["scheme"].removeprefix(_FORCED_GIT) == "ssh":  # its user name is part of the address
        host = user.split(":")[0] + at + host
    return f"{found['scheme']}://{host}{url[found.end() :]}"


def name_of(url: str) -> str:
    """What people would call the catalog at a recorded URL: the last part of its path."""
    base, subdir = _split_subdir(url)
    path = subdir or re.sub(r"[?#].*", "", base)
    return re.split(r"[/\\:]", path.rstrip("/\\"))[-1].removesuffix(".git").removesuffix(".bundle")


def _split_subdir(spec: str) -> tuple[str, str]:
    """`spec` without `#subdir=FOLDER`, and that folder."""
    found = _FRAGMENT.fullmatch(spec)
    if not found or Path(spec).expanduser().exists():
        return spec, ""
    if found["key"] != "subdir":
        raise UsageError(
            f"{without_credentials(spec)!r}: `#{found['key']}=` is not supported",
            hint="a folder of the repository is given as URL#subdir=FOLDER, a version by --version",
        )
    subdir = PurePosixPath(found["value"].strip("/"))
    if not subdir.parts or any(part == ".." or like_git_folder(part) for part in subdir.parts):
        raise UsageError(f"{found['value']!r} is not a folder of a repository")
    return found["base"], subdir.as_posix()


def _shorthand(host: str, path: str, base: str, subdir: str) -> Location:
    path = path.removesuffix(".git")
    if not _HOSTED_PATH.fullmatch(path) or ".." in path.split("/"):
        raise UsageError(
            f"{base!r} is not a repository of {urlsplit(_HOSTS[host]).netloc}",
            hint=f"write it as {host}:OWNER/REPOSITORY",
        )
    address = f"{_HOSTS[host]}{path}.git"
    url = address if host in _UNKNOWN_TO_COPIER else base
    return Location(address, url + (f"#subdir={subdir}" if subdir else ""), subdir)


def _is_bundle(path: Path) -> bool:
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return bool(_BUNDLE.match(file.readline(64)))
    except OSError:
        return False


def _check_transport(url: str) -> None:
    scheme = _SCHEME.match(url)
    refused = "::" in url.partition("/")[0] or (scheme and scheme[1].lower() not in _SCHEMES)
    host = urlsplit(url).netloc.rpartition("@")[2] if scheme else url.rpartition("@")[2]
    if refused or host.startswith("-"):
        raise UsageError(
            f"{without_credentials(url)!r} is refused: its transport could run commands",
            hint=f"use one of {', '.join(sorted(_SCHEMES))}",
        )
