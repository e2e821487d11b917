"""Debian packages that a proof needs, installed when they are missing."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence

from .domain import SkipStepError
from .shell import locked


def need_packages(names: Sequence[str]) -> None:
    """Install the Debian packages among `names` that are missing.

    Raises:
        SkipStepError: They are missing and this is no Debian, or we are not root.
    """
    if not names:
        return
    query = ["dpkg-query", "--show", "--showformat=${db:Status-Status}"]

    def installed(name: str) -> bool:
        done = subprocess.run([*query, name], capture_output=True, text=True, check=False)
        return done.stdout == "installed"

    if shutil.which("dpkg-query") is None:
        message = f"not a Debian-like system: install {', '.join(names)} by hand"
        raise SkipStepError(message)
    with locked("apt"):
        missing = [name for name in names if not installed(name)]
        if not missing:
            return
        if os.geteuid() != 0:
            message = f"missing and we are not root: apt-get install {' '.join(missing)}"
            raise SkipStepError(message)
        env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], check=True, env=env, capture_output=True)
        install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing]
        done = subprocess.run(install, env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            message = f"apt-get install {' '.join(missing)}: {done.stderr.strip()[-300:]}"
            raise SkipStepError(message)
