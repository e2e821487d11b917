"""Commands run as a newcomer's machine would: an empty environment, and no network where asked."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from . import pythons
from .domain import SkipStepError

# How this machine reaches the package registries; a fresh machine has its own way.
_REGISTRY = ("PIP_", "UV_", "SSL_CERT_", "REQUESTS_CA_", "CURL_CA_", "GIT_SSL_", "AWS_CA_")
_PROXY = ("http_proxy", "https_proxy", "no_proxy")
_NOT_PASSED = ("UV_CACHE_DIR", "UV_PROJECT", "UV_PYTHON", "PIP_REQUIRE_VIRTUALENV", "PIP_TARGET")

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")

# Brings loopback up in the new, empty network namespace (`ip` may be missing), then the command.
_LOOPBACK = """
import fcntl, os, socket, struct, sys
with socket.socket() as s:
    fcntl.ioctl(s, 0x8914, struct.pack("16sh14x", b"lo", 0x41))  # SIOCSIFFLAGS: IFF_UP, IFF_RUNNING
os.execvp(sys.argv[1], sys.argv[1:])
"""


@dataclass(frozen=True)
class Done:
    """A command that has ended. `code` is None when it ran out of time."""

    code: int | None
    output: str
    seconds: float
    left_running: bool = False
    cpu_seconds: float = 0.0  # of the command and all that it waited for

    def tail(self, lines: int = 12) -> str:
        return "\n".join(self.output.strip().splitlines()[-lines:])


def cache_dir() -> Path:
    """What is kept between runs: tools, base images, downloaded packages."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "mlops-scaffold-proof"


@contextlib.contextmanager
def locked(name: str) -> Iterator[None]:
    """One process at a time: proofs run two by two."""
    path = cache_dir() / f"{name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def clean_env(home: Path, version: str = "") -> dict[str, str]:
    """The environment of a machine with one Python, git and make alone, and an empty home.

    The Python is the oldest one that templates allow, unless a version is given.
    """
    version = version or pythons.oldest()
    python = pythons.interpreter(version)
    tools = home / f"bin-{version}"
    tools.mkdir(parents=True, exist_ok=True)
    for name in ("python3", python.name):
        link = tools / name
        if not link.exists():
            link.symlink_to(python)
    passed = {
        key: value
        for key, value in os.environ.items()
        if (key.startswith(_REGISTRY) or key.lower() in _PROXY) and not key.startswith(_NOT_PASSED)
    }
    pip_config = Path.home() / ".config" / "pip" / "pip.conf"
    if pip_config.is_file():
        passed.setdefault("PIP_CONFIG_FILE", str(pip_config))
    return passed | {
        "HOME": str(home),
        "PATH": f"{tools}:/usr/bin:/bin:/usr/sbin:/sbin",
        "LANG": "C.UTF-8",
        "UV_CACHE_DIR": str(cache_dir() / "uv"),
        "UV_LINK_MODE": "copy",  # a hard link would let one repository edit another's packages
        # pytest clears up what its last runs on this machine left; what others left takes minutes.
        "PYTEST_DEBUG_TEMPROOT": str(home.parent),
    }


def forget_superseded() -> None:
    """Remove builds of packages that newer ones have taken the place of, a gigabyte each for some.

    uv waits until no other uv is at work; if that takes long, the next call does it.
    """
    uv = shutil.which("uv") or str(Path(sys.prefix) / "bin" / "uv")
    env = os.environ | {"UV_CACHE_DIR": str(cache_dir() / "uv"), "UV_LOCK_TIMEOUT": "20"}
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        command = [uv, "cache", "prune", "--quiet"]
        subprocess.run(command, env=env, check=False, capture_output=True, timeout=60)


@cache
def network_cut() -> tuple[str, ...]:
    """What to put before a command so that it has loopback and no other network."""
    unshare = shutil.which("unshare")
    if unshare is None:
        message = "`unshare` (util-linux) is needed to cut the network"
        raise SkipStepError(message)
    for flags in (["--net"], ["--net", "--map-root-user"]):
        command = (unshare, *flags, sys.executable, "-c", _LOOPBACK)
        done = subprocess.run([*command, "true"], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return command
    message = f"a network namespace is not permitted here ({done.stderr.strip()})"
    raise SkipStepError(message)


def run(  # noqa: PLR0913, each is one plain part of a command
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    log: Path,
    timeout: float,
    offline: bool = False,
) -> Done:
    """Run `command` with its output appended to `log`; everything it started ends with it."""
    argv = [*(network_cut() if offline else ()), *command]
    log.parent.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    with log.open("ab") as sink:
        sink.write(f"$ {' '.join(command)}{'   # no network' if offline else ''}\n".encode())
        sink.flush()
        begin = sink.tell()
        process = subprocess.Popen(
            argv,
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            cpu = _wait(process, timeout)
            in_time = cpu is not None
            if cpu is None:  # Ctrl-C: pytest then says which tests have failed so far
                _signal_group(process, signal.SIGINT)
                cpu = _wait(process, 20)
        finally:
            left_running = _end_group(process)
    seconds = time.monotonic() - start
    output = _COLOUR.sub("", log.read_bytes()[begin:].decode(errors="replace"))
    code = process.returncode if in_time else None
    return Done(code, output, seconds, left_running and in_time, cpu or 0.0)


def _wait(process: subprocess.Popen[bytes], timeout: float) -> float | None:
    """Wait for the command's end; gives its CPU seconds, and None if it is still running.

    `Popen.wait` does not say what a child has used, and the use of all children together is no
    answer where several commands run at a time.
    """
    until = time.monotonic() + timeout
    pause = 0.001
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return usage.ru_utime + usage.ru_stime
        left = until - time.monotonic()
        if left <= 0:
            return None
        pause = min(pause * 2, left, 0.05)
        time.sleep(pause)


def _signal_group(process: subprocess.Popen[bytes], number: int) -> bool:
    """Signal the command's process group; is there any process in it?"""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return False
    return True


def _end_group(process: subprocess.Popen[bytes]) -> bool:
    """End what is left of the command's process group; was there anything?"""
    if not _signal_group(process, signal.SIGTERM):
        return False
    time.sleep(1)
    _signal_group(process, signal.SIGKILL)
    if process.returncode is None:
        process.wait()
    return True
