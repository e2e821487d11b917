"""The program on a pseudo-terminal, with somebody who answers."""

from __future__ import annotations

import os
import pty
import select
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def at_terminal(
    args: Sequence[str], keys: Sequence[tuple[str, str]], cwd: Path, *, first: str = ""
) -> tuple[str, int]:
    """Run the program on a pseudo-terminal; press the keys for what it asks next.

    Args:
        args: What is typed after the program's name.
        keys: What to wait for, and what to press then.
        cwd: Where it is started.
        first: Python to run in its process before it.

    Returns:
        All it said, and its exit code.
    """
    code = f"{first}\nimport sys; from mlops_scaffold.__main__ import main; sys.exit(main())"
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        os.environ["TERM"] = "xterm"
        os.environ.pop("NO_COLOR", None)
        os.execv(sys.executable, [sys.executable, "-c", code, *args])  # noqa: S606
    said, seen, waiting, last = b"", 0, list(keys), time.monotonic()
    while True:
        ready, _, _ = select.select([terminal], [], [], 0.2)
        if ready:
            try:
                chunk = os.read(terminal, 65536)
            except OSError:  # Linux says so when the other side is closed
                break
            if not chunk:
                break
            said, last = said + chunk, time.monotonic()
            if b"\x1b[6n" in chunk:  # it asks where the cursor is
                os.write(terminal, b"\x1b[1;1R")
        elif waiting and waiting[0][0].encode() in said[seen:]:
            seen = len(said)
            os.write(terminal, waiting.pop(0)[1].encode())
        assert time.monotonic() - last < 60, said.decode(errors="replace")
    return said.decode(errors="replace"), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
