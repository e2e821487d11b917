"""Rendering a catalog that is not ours: in a process of its own, under limits.

Jinja's sandbox keeps a template from running code, but not from looping forever, filling memory or
filling the disk. The process (`_worker`) limits its own CPU time, memory and file size where the
system can do that; this side watches the clock and what has been written, everywhere.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_scaffold.errors import ScaffoldError, UsageError

if TYPE_CHECKING:
    from mlops_scaffold.render.job import RenderJob

CPU_SECONDS = 30
WALL_SECONDS = 120.0
MEMORY_BYTES = 1024**3
FILE_BYTES = 16 * 1024 * 1024
_POLL_SECONDS = 0.05
_LIMITS = "other people's catalogs are rendered within limits on time, memory and size"


def render_limited(job: RenderJob, *, max_bytes: int, max_files: int) -> dict[str, Any]:
    """As `render.render_here`, in another process.

    Raises:
        ScaffoldError: It failed there, or went over a limit.
    """
    with tempfile.TemporaryDirectory(prefix="mlops-scaffold-worker-") as scratch:
        request, reply = Path(scratch) / "request.json", Path(scratch) / "reply.json"
        limits = {"cpu": CPU_SECONDS, "memory": MEMORY_BYTES, "file": FILE_BYTES}
        asked = {**vars(job), "root": str(job.root), "into": str(job.into), "limits": limits}
        request.write_text(json.dumps(asked, default=str), encoding="utf-8")
        process = _start(request, reply, scratch, ask=job.ask)
        try:
            _watch(process, job, max_bytes=max_bytes, max_files=max_files)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
        return _result(process.returncode, reply)


def _start(request: Path, reply: Path, scratch: str, *, ask: bool) -> subprocess.Popen[bytes]:
    stream = None if ask else subprocess.DEVNULL
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "mlops_scaffold.render.worker", str(request), str(reply)],
        cwd=scratch,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdin=stream,
        stdout=stream,
        stderr=stream,
    )


def _watch(
    process: subprocess.Popen[bytes], job: RenderJob, *, max_bytes: int, max_files: int
) -> None:
    """Wait for the end; give up on it when it writes too much or, with nobody to ask, too long."""
    started = time.monotonic()
    while process.poll() is None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_POLL_SECONDS)
        files, size = _written(job.into, max_files)
        if files > max_files or size > max_bytes:
            raise ScaffoldError(
                f"the template renders more than {max_files} files or {max_bytes} bytes",
                hint=_LIMITS,
            )
        if not job.ask and time.monotonic() - started > WALL_SECONDS:
            raise ScaffoldError(f"rendering took more than {WALL_SECONDS:.0f} s", hint=_LIMITS)


def _written(folder: Path, enough: int) -> tuple[int, int]:
    files = size = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                size += (Path(path) / name).lstat().st_size
        files += len(names)
        if files > enough:
            break
    return files, size


def _result(code: int, reply: Path) -> dict[str, Any]:
    try:
        said = json.loads(reply.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise ScaffoldError(
            f"rendering went over a limit and was stopped (exit code {code}): {CPU_SECONDS} s of"
            f" CPU time, {MEMORY_BYTES // 1024**2} MiB of memory",
            hint=_LIMITS,
        ) from None
    if "answers" in said:
        answers: dict[str, Any] = said["answers"]
        return answers
    if said.get("interrupted"):
        raise KeyboardInterrupt
    kind = UsageError if said["usage"] else ScaffoldError
    raise kind(said["message"], hint=said["hint"])
