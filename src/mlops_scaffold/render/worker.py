"""The process in which another catalog is rendered; `sandbox` starts it.

python -m mlops_scaffold.render.worker REQUEST.json REPLY.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from mlops_scaffold.errors import ScaffoldError, UsageError
from mlops_scaffold.render.job import RenderJob, render_here


def main() -> None:
    """Render what the request says, within limits, and write how it went."""
    request, reply = map(Path, sys.argv[1:])
    asked = json.loads(request.read_text(encoding="utf-8"))
    job = RenderJob(
        root=Path(asked["root"]),
        into=Path(asked["into"]),
        answers=asked["answers"],
        carried=asked["carried"],
        ask=asked["ask"],
    )
    _limit(asked["limits"])
    said = _render(job)
    reply.write_text(json.dumps(said, default=str), encoding="utf-8")


def _render(job: RenderJob) -> dict[str, Any]:
    try:
        return {"answers": render_here(job)}
    except ScaffoldError as error:
        usage = isinstance(error, UsageError)
        return {"message": error.message[:2000], "hint": error.hint, "usage": usage}
    except KeyboardInterrupt:
        return {"interrupted": True}


def _limit(limits: dict[str, int]) -> None:
    try:
        import resource  # noqa: PLC0415  # not on Windows: the parent's limits are all there
    except ImportError:
        return
    for kind, wanted in (
        (resource.RLIMIT_CPU, limits["cpu"]),
        (resource.RLIMIT_AS, limits["memory"]),
        (resource.RLIMIT_FSIZE, limits["file"]),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        lowest = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(kind, (lowest, lowest))


if __name__ == "__main__":
    main()
