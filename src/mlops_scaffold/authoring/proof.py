"""Whether the templates of a checkout are proved: for maintainers, before a release.

The proof is this project's own (`tests/proof/`). A catalog without it is not affected.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from mlops_scaffold.errors import ScaffoldError

if TYPE_CHECKING:
    from pathlib import Path

_SHOWN = 10


def check(root: Path) -> None:
    """Refuse a checkout in which anything is unproved.

    Raises:
        ScaffoldError: A step of a template has no valid record, or that can't be found out.
    """
    if not (root / "tests" / "proof" / "__main__.py").is_file():
        return
    command = [sys.executable, "-m", "tests.proof", "state", "--check"]
    env = os.environ | {"PYTHONPATH": os.pathsep.join((str(root), str(root / "src")))}
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return
    unproved = [line for line in done.stdout.splitlines() if line.startswith("UNPROVED")]
    if not unproved:
        said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise ScaffoldError(
            f"cannot tell whether the templates are proved: {said}", hint="see: make prove-state"
        )
    listed = [line.removeprefix("UNPROVED").strip() for line in unproved[:_SHOWN]]
    if len(unproved) > _SHOWN:
        listed.append(f"and {len(unproved) - _SHOWN} more")
    raise ScaffoldError(
        "not everything is proved:\n" + "\n".join(f"  {line}" for line in listed),
        hint="prove it and commit the records: make prove ANSWERS=all",
    )
