"""Step 1, render: what comes out is complete, clean, legal everywhere, and always the same."""

from __future__ import annotations

import fnmatch
import json
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml

from .domain import Outcome, Spec
from .spec import questions
from .unit import Unit

REQUIRED = (
    *("README.md", "LICENSE", "Makefile", "pyproject.toml", "constraints.txt", "tests"),
    *("Dockerfile", "compose.yaml", ".dockerignore", ".github/workflows/ci.yml"),
    *(".pre-commit-config.yaml", ".env.example", ".gitignore", ".editorconfig"),
    ".copier-answers.yml",
)
_MAY_BE_EMPTY = ("py.typed", "__init__.py", ".gitkeep")
_STRAY = re.compile(r"(?i)\.(jinja|orig|rej|bak|swp|pyc)$|~$|^(\.DS_Store|Thumbs\.db|\.git)$|[{}]")
_RESERVED = re.compile(r"(?i)^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)")
_ILLEGAL = re.compile(r'[<>:"|?*\\\x00-\x1f]|[. ]$')
_LONGEST_PATH = 180  # Windows gives 260 to the whole path
# Jinja as people write it: a blank after the opening brace; GitHub's `${{` is not Jinja.
_JINJA = re.compile(r"(?<!\$)\{\{-?\s+\w|\{%-?\s+\w|\{#-?\s")
_SECRETS = {
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "an AWS key": r"\bAKIA[0-9A-Z]{16}\b",
    "a GitHub token": r"\bgh[pousr]_[A-Za-z0-9]{36}|\bgithub_pat_\w{22,}",
    "a Slack token": r"\bxox[abpr]-[A-Za-z0-9-]{10,}",
    "a model provider's key": r"\bsk-[A-Za-z0-9_-]{24,}|\bhf_[A-Za-z]{30,}",
    "a signed token": r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.",
    "a password in a URL": r"://[\w.-]+:(?!\$|\{|<|\*)[^\s@/'\"]{3,}@(?!localhost|127\.)",
}


def prove(unit: Unit) -> Outcome:
    """Check the rendered tree, then render it again and compare the bytes."""
    folder = unit.rendered()
    files = [path for path in _files(folder) if path.parts[0] != ".git"]
    findings = [
        *(f"{name} is missing" for name in REQUIRED if not (folder / name).exists()),
        *_name_findings(files),
        *(each for path in files for each in _file_findings(unit, folder, path)),
        *_again_findings(unit, folder, files),
    ]
    text = [path for path in files if (folder / path).is_file()]
    lines = sum((folder / path).read_bytes().count(b"\n") for path in text)
    return Outcome(tuple(findings), {"files": len(files), "lines": lines})


def _files(folder: Path) -> list[Path]:
    """Every file, link and empty folder, relative to `folder`."""
    return sorted(
        path.relative_to(folder)
        for path in folder.rglob("*")
        if path.is_symlink() or not path.is_dir() or not any(path.iterdir())
    )


def _name_findings(files: list[Path]) -> Iterator[str]:
    """Names that are strays, or that Windows can't hold."""
    seen: dict[str, Path] = {}
    for path in files:
        for part in path.parts:
            if _STRAY.search(part):
                yield f"{path}: a stray name ({part})"
            if _RESERVED.match(part) or _ILLEGAL.search(part):
                yield f"{path}: not a legal name on Windows ({part})"
        if len(str(path)) > _LONGEST_PATH:
            yield f"{path}: {len(str(path))} letters, Windows users will meet the limit of paths"
        other = seen.setdefault(str(path).lower(), path)
        if other != path:
            yield f"{path}: differs from {other} in upper and lower case alone"


def _file_findings(unit: Unit, folder: Path, path: Path) -> Iterator[str]:
    full = folder / path
    if full.is_symlink():
        yield f"{path}: a symbolic link (Windows checkouts have none)"
        return
    if full.is_dir():
        yield f"{path}: an empty folder"
        return
    data = full.read_bytes()
    if not data.strip() and path.name not in _MAY_BE_EMPTY:
        yield f"{path}: empty"
    if bool(full.stat().st_mode & 0o111) != data.startswith(b"#!"):
        yield f"{path}: executable and `#!` go together"
    if b"\0" in data:
        return
    try:
        text = data.decode()
    except UnicodeDecodeError:
        yield f"{path}: not UTF-8"
        return
    yield from (f"{path}: {each}" for each in _text_findings(unit, path, text))


def _text_findings(unit: Unit, path: Path, text: str) -> Iterator[str]:
    if text.startswith("\ufeff"):
        yield "begins with a byte order mark"
    if "\r" in text:
        yield "CR line ends, LF is wanted"
    if text and not text.endswith("\n"):
        yield "no newline at the end"
    yield from _jinja_findings(unit, path, text)
    for name, value in _machine(unit).items():
        if value in text:
            yield f"holds {name} of this machine"
    for name, pattern in _SECRETS.items():
        if match := re.search(pattern, text):
            yield f"looks like {name}, line {_line(text, match.start())}"
    parse = _PARSERS.get(path.suffix)
    if parse is not None and not _foreign_braces(unit.spec, path):
        try:
            parse(text)
        except (ValueError, yaml.YAMLError) as error:
            yield f"not valid {path.suffix[1:]}: {' '.join(str(error).split())}"


def _jinja_findings(unit: Unit, path: Path, text: str) -> Iterator[str]:
    names = ["project_name", "package_name", "owner", "template", *questions(unit.root, unit.slug)]
    known = rf"\b(?:{'|'.join(names)})\b"
    own = rf"{known}|_copier_|include\s+[\"']templates/|\b(?:end)?raw\b"
    ours = re.compile(rf"\{{[{{%][^}}]{{0,80}}?(?:{own})")
    pattern = ours if _foreign_braces(unit.spec, path) else _JINJA
    for match in (pattern.search(text), ours.search(text)):
        if match:
            yield f"Jinja left over, line {_line(text, match.start())}: {match[0]!r}"
            return


def _foreign_braces(spec: Spec, path: Path) -> bool:
    return any(fnmatch.fnmatch(path.as_posix(), glob) for glob in spec.braces)


def _machine(unit: Unit) -> dict[str, str]:
    home = str(Path.home())
    paths = {
        "the catalog's path": str(unit.root),
        "a scratch path": str(unit.scratch),
        "the interpreter's path": sys.prefix,
    }
    return paths if home in ("/", "/root") else paths | {"the home folder": home}


def _again_findings(unit: Unit, folder: Path, files: list[Path]) -> Iterator[str]:
    """Rendered once more, each file has the same bytes and mode."""
    again = unit.render_into("again")
    swapped = {"constraints.txt"} if unit.constraints else set()
    for path in sorted({*files, *_files(again)}):
        if path.as_posix() in swapped:
            continue
        one, other = folder / path, again / path
        if _state(one) != _state(other):
            yield f"{path}: rendered twice, it differs"


def _state(path: Path) -> tuple[bool, int, bytes]:
    if not path.is_file():
        return (path.exists(), 0, b"")
    return (True, path.stat().st_mode, path.read_bytes())


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _yaml(text: str) -> None:
    """Parse without building values: documents may use tags of their own."""
    for _ in yaml.parse(text):
        pass


_PARSERS: dict[str, Callable[[str], object]] = {
    ".json": json.loads,
    ".ipynb": json.loads,
    ".toml": tomllib.loads,
    ".yaml": _yaml,
    ".yml": _yaml,
}
