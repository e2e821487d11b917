"""The process in which an external catalog is rendered; `sandbox` starts it.

python -m mlops_scaffold.render.worker REQUEST.json REPLY.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from mlops_scaffold.errors import ScaffoldError, UsageError
from mlops_scaffold.render.job import CANNOT_REPLY, RenderJob


def main() -> None:
    """Carry out the request under limits, and write the reply."""
    request, reply = map(Path, sys.argv[1:])
    asked = json.loads(request.read_text(encoding="utf-8"))
    _limit(asked["limits"])
    said = _answer(asked["task"], RenderJob.from_json(asked["job"]))
    try:
        reply.write_text(json.dumps(said, default=str), encoding="utf-8")
    except OSError:
        sys.exit(CANNOT_REPLY)


def _answer(task: str, job: RenderJob) -> dict[str, Any]:
    from mlops_scaffold.render import engine  # noqa: PLC0415  # imports Copier, within the limits

    try:
        if task == "defaults":
            return {"problems": [vars(problem) for problem in engine.check_defaults(job)]}
        return {"result": engine.render_here(job).to_json()}
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
