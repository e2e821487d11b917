"""Carry edits of a rendered project back into its template (`make sync TEMPLATE=... FROM=...`).

Static files are copied. An edit of a file with Jinja in it is merged, three ways: the template
file is "ours", a pristine rendering the base, the edited file "theirs". A last rendering tells
what has arrived, so nothing is claimed that is not so.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from mlops_scaffold import answers as answers_file
from mlops_scaffold import render, source

_INCLUDE = re.compile(r"{%-?\s*include\s+[\"']([^\"']+)[\"']")
_PACKAGE = "{{ package_name }}"
_ANSWERS = ".copier-answers.yml"


def sync(root: Path, slug: str, edited: Path) -> tuple[list[str], list[str]]:
    """Bring the template `slug` up to what stands in `edited`.

    Returns:
        The template files that were changed, and the rendered files that still differ and so
        need a person, both as paths.
    """
    answers = answers_file.read(edited).answers
    if answers.get("template") != slug:
        message = f"{edited} was made from {answers.get('template')!r}, not from {slug!r}"
        raise ValueError(message)
    with tempfile.TemporaryDirectory() as folder:
        pristine = _render(answers, Path(folder) / "before")
        changed = [
            each
            for path in _differing(pristine, edited)
            for each in _carry(root, slug, path, pristine, edited)
        ]
        left = _differing(_render(answers, Path(folder) / "after"), edited)
    return sorted({str(path.relative_to(root)) for path in changed}), [str(path) for path in left]


def _render(answers: Mapping[str, object], into: Path) -> Path:
    with source.builtin().tree() as tree:
        render.render(tree, answers, into)
    return into


def _differing(one: Path, other: Path) -> list[Path]:
    """Files that are not the same in the two folders; what the project ignores is left out."""
    names = {*_files(one), *_files(other)} - {Path(_ANSWERS)}
    return sorted(path for path in names if _bytes(one / path) != _bytes(other / path))


def _files(folder: Path) -> set[Path]:
    """The files of a project, as git would add them, whether it is a repository or not."""
    with tempfile.TemporaryDirectory() as git_dir:
        git = ["git", f"--git-dir={git_dir}", f"--work-tree={folder}"]
        subprocess.run([*git, "init", "--quiet"], check=True, capture_output=True)
        listed = subprocess.check_output(
            [*git, "ls-files", "-z", "--others", "--exclude-standard"], text=True, cwd=folder
        )
    return {Path(name) for name in listed.split("\0") if name and not name.startswith(".git/")}


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _carry(root: Path, slug: str, path: Path, pristine: Path, edited: Path) -> Iterator[Path]:
    """Change the template for one rendered file; gives the template files that were written."""
    project = root / "templates" / slug / "project"
    package = next((edited / "src").iterdir()).name if (edited / "src").is_dir() else ""
    origin = _origin(project, path, package)
    if not (edited / path).exists():
        if origin is not None:
            origin.unlink()
            yield origin
    elif origin is None:
        yield _add(project, path, package, (edited / path).read_bytes())
    elif origin.suffix != ".jinja":
        shutil.copy(edited / path, origin)
        yield origin
    else:
        for candidate in (origin, *_included(root, origin)):
            merged = _merge(candidate, pristine / path, edited / path)
            if merged is not None:
                candidate.write_bytes(merged)
                yield candidate
                return


def _origin(project: Path, path: Path, package: str) -> Path | None:
    """The template file that a rendered file comes from."""
    parts = [_PACKAGE if part == package else part for part in path.parts]
    for suffix in ("", ".jinja"):
        for candidate in (Path(*parts), path):
            found = project / f"{candidate}{suffix}"
            if found.is_file():
                return found
    return None


def _add(project: Path, path: Path, package: str, content: bytes) -> Path:
    """A new file: static, unless it names the package."""
    target = project.joinpath(*(_PACKAGE if part == package else part for part in path.parts))
    named = re.compile(rf"\b{re.escape(package)}\b".encode()) if package else None
    if named and named.search(content) and b"{{" not in content:
        target = target.with_name(f"{target.name}.jinja")
        content = named.sub(_PACKAGE.encode(), content)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    return target


def _included(root: Path, origin: Path) -> Iterator[Path]:
    for name in _INCLUDE.findall(origin.read_text(encoding="utf-8")):
        yield root / name
        yield from _included(root, root / name)


def _merge(template: Path, base: Path, edited: Path) -> bytes | None:
    """The template file with the edit merged in, or None where the two touch the same lines."""
    command = ["git", "merge-file", "--stdout", str(template), str(base), str(edited)]
    done = subprocess.run(command, capture_output=True, check=False)
    return done.stdout if done.returncode == 0 and done.stdout != template.read_bytes() else None
