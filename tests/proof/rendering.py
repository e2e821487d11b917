"""Many renderings at once, by the program of a checkout, and the digest of one."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .shell import locked

# One process renders many: most of the time of one rendering is that of importing Copier.
_SCRIPT = """
import json, sys
from pathlib import Path
from mlops_scaffold import Request, ScaffoldError, create
for job in json.load(sys.stdin):
    into = Path(job["into"])
    try:
        create(Request(job["slug"], into, job["answers"], git=False))
    except ScaffoldError as error:
        print(f"{into}: {error}", file=sys.stderr)
"""
_PROCESSES = 2
# The version, with a digest of the whole catalog: it changes with each edit of any template.
_VERSION = re.compile(rb"^_commit: .*\n", re.MULTILINE)


@dataclass(frozen=True)
class Job:
    """What to render, and under which name."""

    slug: str
    answers: dict[str, Any]
    project_name: str


def digests(root: Path, jobs: Sequence[Job]) -> list[str]:
    """The digest of each job's project, as `tree_digest` gives it; "" where rendering fails.

    Those of the last call are kept in `.proof/`, for as long as the sources are the same.
    """
    kept = root / ".proof" / "renderings.json"
    known: dict[str, str] = json.loads(kept.read_text()) if kept.is_file() else {}
    names = [_name(job, sources) for job in jobs for sources in [_sources(root, job.slug)]]
    new = {name: job for name, job in zip(names, jobs, strict=True) if name not in known}
    with tempfile.TemporaryDirectory(prefix="proof-keys-") as scratch:
        folders = {name: Path(scratch) / name / job.project_name for name, job in new.items()}
        _render_all(root, [(job, folders[name]) for name, job in new.items()])
        known |= {name: tree_digest(path) for name, path in folders.items() if path.is_dir()}
    with locked("renderings"):
        kept.parent.mkdir(exist_ok=True)
        part = kept.with_suffix(f".part-{os.getpid()}")
        part.write_text(json.dumps({name: known[name] for name in known if name in names}))
        part.replace(kept)
    return [known.get(name, "") for name in names]


def _sources(root: Path, slug: str) -> str:
    """A digest of all that can change how a template is rendered."""
    folders = (f"templates/{slug}", "templates/_shared", "src/mlops_scaffold")
    total = hashlib.sha256("".join(map(version, ("copier", "jinja2"))).encode())
    paths = [root / "copier.yml", root / "catalog.yaml"]
    for folder in folders:
        paths += sorted(path for path in (root / folder).rglob("*") if path.is_file())
    for path in paths:
        if path.suffix != ".pyc":
            mode = path.stat().st_mode & 0o100
            name = path.relative_to(root).as_posix()
            total.update(f"{name}\0{mode}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return total.hexdigest()


def _name(job: Job, sources: str) -> str:
    text = json.dumps([job.slug, job.answers, job.project_name, sources], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _render_all(root: Path, jobs: Sequence[tuple[Job, Path]]) -> None:
    shares = [share for at in range(_PROCESSES) if (share := jobs[at::_PROCESSES])]
    with ThreadPoolExecutor(_PROCESSES) as pool:
        list(pool.map(lambda share: _render(root, share), shares))


def _render(root: Path, jobs: Sequence[tuple[Job, Path]]) -> None:
    asked = []
    for job, into in jobs:
        into.parent.mkdir(parents=True)
        asked.append({"slug": job.slug, "answers": job.answers, "into": str(into)})
    subprocess.run(
        [sys.executable, "-c", _SCRIPT],
        env={"PYTHONPATH": str(root / "src"), "PATH": "/usr/local/bin:/usr/bin:/bin"},
        input=json.dumps(asked),
        text=True,
        check=False,
        capture_output=True,
    )


def tree_digest(folder: Path) -> str:
    """A digest of the names, modes and bytes of a rendered project, but for its version."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name.split("/")[0] == ".git" or (path.is_dir() and not path.is_symlink()):
            continue
        if path.is_symlink():
            kind, data = "link", str(path.readlink()).encode()
        else:
            kind = "executable" if path.stat().st_mode & 0o100 else "file"
            data = path.read_bytes()
        if name == ".copier-answers.yml":
            data = _VERSION.sub(b"", data)
        total.update(f"{name}\0{kind}\0{len(data)}\0".encode() + data)
    return total.hexdigest()
