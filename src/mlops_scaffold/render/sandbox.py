"""Render an external catalog in a process of its own, under limits.

Jinja's sandbox keeps a template from running code, but not from looping forever, filling memory or
filling the disk. The process (`worker`) limits its own CPU time, memory and file size where the
system can do that; this side watches the clock and what has been written, everywhere.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_scaffold.errors import ScaffoldError, UsageError
from mlops_scaffold.render.job import CANNOT_REPLY, QuestionProblem, RenderResult

if TYPE_CHECKING:
    from mlops_scaffold.render.job import RenderJob

CPU_SECONDS = 30
WALL_SECONDS = 120.0
MEMORY_BYTES = 1024**3
FILE_BYTES = 16 * 1024 * 1024
_POLL_SECONDS = 0.05
_LIMITS = "external catalogs are rendered under limits on time, memory and size"


def render_limited(job: RenderJob, *, max_bytes: int, max_files: int) -> RenderResult:
    """As `engine.render_here`, in another process.

    Raises:
        ScaffoldError: It failed there, or exceeded a limit.
    """
    reply = _run("render", job, max_bytes=max_bytes, max_files=max_files)
    return RenderResult.from_json(reply["result"])


def check_defaults_limited(job: RenderJob) -> tuple[QuestionProblem, ...]:
    """As `engine.check_defaults`, in another process.

    Raises:
        ScaffoldError: As `render_limited`.
    """
    reply = _run("defaults", job, max_bytes=0, max_files=0)
    return tuple(QuestionProblem(**each) for each in reply["problems"])


def _run(task: str, job: RenderJob, *, max_bytes: int, max_files: int) -> dict[str, Any]:
    # Next to the output, so that a full or read-only TMPDIR does not matter.
    with tempfile.TemporaryDirectory(prefix=".worker-", dir=job.into.parent) as scratch:
        request, reply = Path(scratch) / "request.json", Path(scratch) / "reply.json"
        limits = {"cpu": CPU_SECONDS, "memory": MEMORY_BYTES, "file": FILE_BYTES}
        asked = {"task": task, "job": job.to_json(), "limits": limits}
        request.write_text(json.dumps(asked, default=str), encoding="utf-8")
        process = _start(request, reply, scratch, ask=job.ask)
        try:
            _watch(process, job, max_bytes=max_bytes, max_files=max_files)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
        return _read(process.returncode, reply)


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
    """Wait for the process; stop it if it writes too much or, without questions, is too slow."""
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


def _read(code: int, reply: Path) -> dict[str, Any]:
    if code == CANNOT_REPLY:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    try:
        said: dict[str, Any] = json.loads(reply.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise ScaffoldError(
            f"rendering went over a limit and was stopped (exit code {code}): {CPU_SECONDS} s of"
            f" CPU time, {MEMORY_BYTES // 1024**2} MiB of memory",
            hint=_LIMITS,
        ) from None
    if said.get("interrupted"):
        raise KeyboardInterrupt
    if "message" in said:
        kind = UsageError if said["usage"] else ScaffoldError
        raise kind(said["message"], hint=said["hint"])
    return said
