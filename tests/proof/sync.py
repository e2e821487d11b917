"""Carry edits of a rendered project back into its template (`make sync TEMPLATE=... FROM=...`).

Static files are copied. Where a file has Jinja in it, the lines of a pristine rendering are matched
with those of the template file (or of a file that it includes), and the edit is made there. It
stays only if the template then renders the edited file; a person does the rest.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

from mlops_scaffold import answers as answers_file
from mlops_scaffold.render.render import render
from mlops_scaffold.source.builtin import builtin

_INCLUDE = re.compile(r"{%-?\s*include\s+[\"']([^\"']+)[\"']")
_PACKAGE = "{{ package_name }}"
_ANSWERS = ".copier-answers.yml"


def sync(root: Path, slug: str, edited: Path) -> tuple[list[str], list[str]]:
    """Bring the template `slug` up to what stands in `edited`.

    Returns:
        The template files that were changed, and the rendered files that still differ and so
        need a person, both as paths.

    Raises:
        ScaffoldError: `edited` is no rendered project.
        ValueError: It is one of another template.
    """
    edited = edited.resolve()
    answers = answers_file.read(edited).answers
    if answers.get("template") != slug:
        message = f"{edited} was made from {answers.get('template')!r}, not from {slug!r}"
        raise ValueError(message)
    with tempfile.TemporaryDirectory() as folder:
        job = _Job(root / "templates" / slug / "project", answers, edited, Path(folder))
        pristine = job.render()
        changed = [
            each for path in _differing(pristine, edited) for each in _carry(job, path, pristine)
        ]
        left = _differing(job.render(), edited)
    return sorted({str(path.relative_to(root)) for path in changed}), [str(path) for path in left]


@dataclass(frozen=True)
class _Job:
    project: Path  # in the template
    answers: Mapping[str, object]
    edited: Path
    scratch: Path

    @property
    def package(self) -> str:
        source_folder = self.edited / "src"
        return next(source_folder.iterdir()).name if source_folder.is_dir() else ""

    def render(self) -> Path:
        """A new rendering of the template as it stands."""
        into = Path(tempfile.mkdtemp(dir=self.scratch)) / self.edited.name
        with builtin().tree() as tree:
            render(tree, self.answers, into)
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


def _carry(job: _Job, path: Path, pristine: Path) -> Iterator[Path]:
    """Change the template for one rendered file; gives the template files that were written."""
    origin = _origin(job, path)
    edited = job.edited / path
    if not edited.exists():
        if origin is not None:
            origin.unlink()
            yield origin
    elif origin is None:
        yield _add(job, path, edited.read_bytes())
    elif origin.suffix != ".jinja":
        shutil.copy(edited, origin)
        yield origin
    else:
        before, after = _lines(pristine / path), _lines(edited)
        for candidate in (origin, *_included(job.project.parents[2], origin)):
            kept = candidate.read_bytes()
            merged = apply_edit(_lines(candidate), before, after)
            if merged is None:
                continue
            candidate.write_text("".join(merged), encoding="utf-8")
            if _bytes(job.render() / path) == edited.read_bytes():
                yield candidate
                return
            candidate.write_bytes(kept)


def apply_edit(template: list[str], before: list[str], after: list[str]) -> list[str] | None:
    """Make the edit `before` -> `after` in `template`, of which `before` is a rendering.

    Returns:
        The template's new lines, or None where the edit touches lines that Jinja makes.
    """
    same: dict[int, int] = {}  # line of `before` -> the very same line of the template
    near: dict[int, int] = {}  # ... or the line with Jinja that it was made from
    for what, t1, t2, b1, b2 in SequenceMatcher(None, template, before, False).get_opcodes():
        if what == "equal":
            same |= zip(range(b1, b2), range(t1, t2), strict=True)
        elif what == "replace" and t2 - t1 == b2 - b1:
            near |= zip(range(b1, b2), range(t1, t2), strict=True)
    known = near | same
    result = list(template)
    edits = SequenceMatcher(None, before, after, False).get_opcodes()
    for what, b1, b2, a1, a2 in reversed(edits):
        if what == "equal":
            continue
        if b1 < b2:
            if any(line not in same for line in range(b1, b2)):
                return None
            start, end = same[b1], same[b2 - 1] + 1
        elif b1 - 1 in known:
            start = end = known[b1 - 1] + 1
        elif b1 in known:
            start = end = known[b1]
        else:
            return None
        result[start:end] = after[a1:a2]
    return result


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines(keepends=True)


def _origin(job: _Job, path: Path) -> Path | None:
    """The template file that a rendered file comes from."""
    for candidate in (_template_path(job, path), job.project / path):
        for suffix in ("", ".jinja"):
            found = candidate.with_name(f"{candidate.name}{suffix}")
            if found.is_file():
                return found
    return None


def _template_path(job: _Job, path: Path) -> Path:
    return job.project.joinpath(*(_PACKAGE if part == job.package else part for part in path.parts))


def _add(job: _Job, path: Path, content: bytes) -> Path:
    """A new file: static, unless it names the package."""
    target = _template_path(job, path)
    named = re.compile(rf"\b{re.escape(job.package)}\b".encode()) if job.package else None
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
