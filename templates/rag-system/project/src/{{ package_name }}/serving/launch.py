"""Starts the service on a folder of documents and waits until it is ready: for demo and tests."""

import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ..web import launch
from ..web.launch import Server, StartError

_POLL_SECONDS = 0.1


@contextmanager
def running(
    documents: Path, state: Path, settings: Mapping[str, str] | None = None, seconds: float = 300
) -> Iterator[Server]:
    """Run the service on a free port within the block.

    Args:
        documents: The folder of documents.
        state: The folder for the index and feedback.
        settings: Other settings, as environment variables like `{"APP_AUTH": "none"}`.
        seconds: How long to wait for it to start, and to stop.

    Raises:
        StartError: It did not start.
    """
    own = {"APP_DOCUMENTS_DIR": str(documents.resolve()), "APP_STATE_DIR": str(state.resolve())}
    with launch.running({**own, **(settings or {})}, seconds) as server:
        _wait_until_ready(server, seconds)
        yield server


def _wait_until_ready(server: Server, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(f"{server.url}/health/ready", timeout=10):  # noqa: S310 - our own service
                return
        except urllib.error.HTTPError as error:
            reason = error.read().decode()
            error.close()
        if time.monotonic() > deadline or "could not" in reason:
            raise StartError(f"the service is not ready: {reason}")
        time.sleep(_POLL_SECONDS)
