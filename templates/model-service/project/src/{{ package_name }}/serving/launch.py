"""Starts the service with a models folder: for the demo, the load test and the tests."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ..web import launch


@contextmanager
def running(
    models: Path, settings: Mapping[str, str] | None = None, seconds: float = 60
) -> Iterator[launch.Server]:
    """Run the service on a free port for as long as the block lasts.

    Args:
        models: The models folder.
        settings: Other settings as environment variables, like `{"APP_AUTH": "none"}`.
        seconds: How long to wait for it to start, and later to stop.

    Raises:
        StartError: It did not start.
    """
    folder = {"APP_MODELS_DIR": str(models.resolve())}
    with launch.running({**folder, **(settings or {})}, seconds) as server:
        yield server
