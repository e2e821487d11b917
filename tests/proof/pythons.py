"""The Pythons that templates are proved with: the oldest that they allow, and the newest."""

from __future__ import annotations

import os
import shutil
import sys
from functools import cache
from pathlib import Path

from .domain import SkipStepError

OLDEST = "3.11"
NEWEST = "3.13"


@cache
def interpreters() -> dict[str, Path]:
    """The CPythons of this machine, by X.Y."""
    here = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
    found = {}
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    # pyenv's shims start only what is chosen for the folder they are called in.
    named = [each for each in os.environ.get("PATH", "").split(os.pathsep) if "shims" not in each]
    path = os.pathsep.join(("/usr/bin", "/usr/local/bin", *named))
    for minor in range(11, 15):
        version = f"3.{minor}"
        candidates = sorted(pyenv.glob(f"{version}.*/bin/python{version}"))
        system = shutil.which(f"python{version}", path=path)
        if candidates or system:
            found[version] = candidates[-1] if candidates else Path(str(system))
    return found | {f"3.{sys.version_info.minor}": here}


def interpreter(version: str) -> Path:
    """The CPython X.Y of this machine.

    Raises:
        SkipStepError: There is none.
    """
    found = interpreters().get(version)
    if found is None:
        message = f"there is no Python {version} on this machine"
        raise SkipStepError(message)
    return found


def oldest() -> str:
    """The oldest Python to prove with here: where `OLDEST` is missing, the one that runs this.

    What was proved with a stand-in is not recorded.
    """
    return OLDEST if OLDEST in interpreters() else f"3.{sys.version_info.minor}"
