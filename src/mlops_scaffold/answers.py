"""The answers file of a generated repository: Copier's format, where the project came from."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from mlops_scaffold import shell
from mlops_scaffold.errors import ScaffoldError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

FILE_NAME = ".copier-answers.yml"
HEADER = (
    "# Written by mlops-scaffold; `mlops-scaffold upgrade` reads it."
    " Change answers with `upgrade -d KEY=VALUE`.\n"
)
_SKIP = "_skip"
_MAX_BYTES = 256 * 1024
_REF = re.compile(r"[A-Za-z0-9][\w.+/!-]{0,200}")
_CONFLICT_MARKER = re.compile(r"^(<<<<<<<|>>>>>>>|=======$|\|\|\|\|\|\|\|)", re.MULTILINE)


@dataclass(frozen=True)
class Recorded:
    """What a generated repository says of its own origin."""

    url: str  # where the catalog lives, as Copier's `_src_path`
    version_text: str  # as written: `v0.1.0`, `v0.1.0-3-gabc1234`; the catalog may not know it
    answers: Mapping[str, Any]  # without the `_` keys
    path: Path  # the answers file
    name: str = FILE_NAME  # its path within the project
    skip: tuple[str, ...] = ()  # files that upgrades leave alone, as in .gitignore


def find_project(folder: Path, name: str = FILE_NAME) -> Path:
    """The project that `folder` belongs to: it, or the nearest folder above with an answers file.

    Like git's, the search ends at the top of the repository.

    Args:
        folder: A folder.
        name: Of the answers file.

    Returns:
        A path like `folder`: relative if it is. `folder` itself if nothing is found.
    """
    place = folder
    while place.is_dir() and not os.path.lexists(place / name):
        # Up as the system goes, not by name: `folder` may be a symbolic link.
        above = place.resolve().parent if place.is_absolute() else place / ".."
        if os.path.lexists(place / ".git") or above.resolve() == place.resolve():
            return folder
        place = above
    return place if place.is_dir() else folder


def read(project: Path, name: str = FILE_NAME) -> Recorded:
    """Read the answers file of the project in `project`.

    Args:
        project: Its folder.
        name: Of the answers file. Where there is none by the default name, the only one by a
            similar name will do: a Copier template can choose its own.

    Raises:
        ScaffoldError: The file is missing, is not a plain file, is broken, or holds conflicts.
    """
    name = _similar(project) if name == FILE_NAME else name
    path = project / name
    if not project.is_dir():
        raise ScaffoldError(
            f"there is no folder {project}", hint="name the folder of a generated project"
        )
    data = _mapping(path, _text(path, project))
    url, commit = data.get("_src_path"), data.get("_commit")
    if not isinstance(url, str) or not url or not url.isprintable():
        raise ScaffoldError(
            f"{path}: `_src_path` does not say which catalog the project came from",
            hint=f"restore the file from git: {_checkout(path)}",
        )
    return Recorded(
        url=url,
        version_text=_version_text(path, commit),
        answers={str(key): value for key, value in data.items() if not str(key).startswith("_")},
        path=path,
        name=name,
        skip=_skip(path, data.get(_SKIP)),
    )


def _similar(project: Path) -> str:
    """The default name, or that of the only other answers file.

    Raises:
        ScaffoldError: There are several.
    """
    if os.path.lexists(project / FILE_NAME):
        return FILE_NAME
    found = sorted(path.name for path in project.glob(".copier-answers*.y*ml"))
    if len(found) > 1:
        raise ScaffoldError(
            f"{project} has several answers files: {', '.join(found)}",
            hint=f"name one of them: --answers-file {found[0]}",
        )
    return found[0] if found else FILE_NAME


def with_skip(rendered: str, skip: Sequence[str]) -> str:
    """The text of an answers file with the files that upgrades leave alone."""
    data: dict[str, Any] = yaml.safe_load(rendered)
    data.pop(_SKIP, None)
    url, ref = data.pop("_src_path"), data.pop("_commit")
    return text(url, ref, data, header=header_of(rendered), skip=skip)


def text(
    url: str,
    ref: str,
    answers: Mapping[str, Any],
    *,
    header: str = HEADER,
    skip: Sequence[str] = (),
) -> str:
    """The answers file's text: the same input gives the same bytes.

    Args:
        url: The catalog, recorded as `_src_path`.
        ref: The version, recorded as `_commit`.
        answers: Answers to record, without `_` keys.
        header: Comment lines that open the file.
        skip: Files that upgrades leave alone.
    """
    data = {"_commit": ref, "_src_path": url, **{key: answers[key] for key in sorted(answers)}}
    if skip:
        data[_SKIP] = list(skip)
    body = _dump(data, allow_unicode=True)
    if yaml.safe_load(body) != data:  # PyYAML leaves some line separators of Unicode bare
        body = _dump(data, allow_unicode=False)
    return header + body


def _dump(data: Mapping[str, Any], *, allow_unicode: bool) -> str:
    dumped: str = yaml.safe_dump(
        dict(data),
        allow_unicode=allow_unicode,
        default_flow_style=False,
        sort_keys=False,
        width=1000,
    )
    return dumped


def header_of(rendered: str) -> str:
    """The comment lines that open a rendered answers file, or ours where it has none."""
    return comments_of(rendered) or HEADER


def comments_of(rendered: str) -> str:
    """The comment lines that open a rendered answers file."""
    lines = rendered.splitlines(keepends=True)
    count = next((n for n, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return "".join(lines[:count])


def _checkout(path: Path) -> str:
    return shell.git(path.parent, "checkout", "HEAD", "--", path.name)


def _text(path: Path, project: Path) -> str:
    if path.is_symlink():
        raise ScaffoldError(
            f"{path} is a symbolic link; it must be a plain file",
            hint=f"put the file itself there: {shell.replace_link(path)}",
        )
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise ScaffoldError(
            f"{project} was not made by mlops-scaffold: it has no {path.name}",
            hint="name the folder of a generated project, or take this one under a template: "
            "mlops-scaffold adopt PROJECT",
        ) from error
    except OSError as error:
        raise ScaffoldError(f"cannot read {path}: {error.strerror}") from error
    if len(raw) > _MAX_BYTES:
        raise ScaffoldError(f"{path} is larger than {_MAX_BYTES} bytes; it is not an answers file")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise ScaffoldError(f"{path} is not UTF-8 text (byte {error.start})") from error


def _mapping(path: Path, content: str) -> dict[Any, Any]:
    if marker := _CONFLICT_MARKER.search(content):
        line = content.count("\n", 0, marker.start()) + 1
        raise ScaffoldError(
            f"{path}:{line}: the file holds merge conflict markers",
            hint="keep one side of each conflict, then run the command again",
        )
    try:
        data = yaml.safe_load(content)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        where = getattr(error, "problem_mark", None)
        at = f"{path}:{where.line + 1}" if where else str(path)
        problem = getattr(error, "problem", None) or "it cannot be parsed"
        raise ScaffoldError(
            f"{at}: not valid YAML: {problem}",
            hint=f"restore the file from git: {_checkout(path)}",
        ) from error
    if not isinstance(data, dict):
        raise ScaffoldError(
            f"{path}: expected `key: value` lines",
            hint=f"restore the file from git: {_checkout(path)}",
        )
    return data


def _skip(path: Path, value: object) -> tuple[str, ...]:
    items = [] if value is None else value
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise ScaffoldError(
            f"{path}: `{_SKIP}` must be a list of paths",
            hint="like: _skip: [docs/index.md, .github/]",
        )
    return tuple(items)


def _version_text(path: Path, commit: object) -> str:
    """What `_commit` says: a tag, or what `git describe` calls another commit."""
    if commit is None:
        raise ScaffoldError(
            f"{path} has no `_commit`: the project was made from a folder without versions",
            hint="write the version of the template that is nearest to it, like `_commit: v1.0.0`",
        )
    if not isinstance(commit, str) or not _REF.fullmatch(commit):
        raise ScaffoldError(
            f"{path}: `_commit: {commit}` is not a version",
            hint="write the version it was made from (like v0.1.0), or restore the file: "
            + _checkout(path),
        )
    return commit
