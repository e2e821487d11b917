"""A temporary remote on this machine, for the demo and the tests: no account, key or network.

If the project's remote is S3, this is moto, a local server with the S3 API. For all other kinds it
is a folder.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .defaults import PROJECT, REMOTE


@contextmanager
def local_remote(folder: Path) -> Iterator[str]:
    """Provide a remote for the duration of the context.

    Args:
        folder: The remote's location, if it is a folder.

    Yields:
        The text of a `.dvc/config.local` that makes DVC use it.
    """
    if REMOTE == "s3":
        with _s3_server() as url:
            yield _settings(f"endpointurl = {url}")
        return
    folder.mkdir(parents=True)
    yield _settings(f"url = {folder}")


def _settings(line: str) -> str:
    return f"['remote \"storage\"']\n    {line}\n"


@contextmanager
def _s3_server() -> Iterator[str]:
    """Start an S3 server with this project's bucket; yields its URL."""
    import boto3  # noqa: PLC0415 - only installed if the project uses S3
    from moto.backends import get_backend  # noqa: PLC0415
    from moto.server import ThreadedMotoServer  # noqa: PLC0415

    get_backend("s3").reset()  # moto keeps buckets for the lifetime of the process
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    keys = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "local")
    os.environ.update(keys, AWS_DEFAULT_REGION="us-east-1")
    try:
        boto3.client("s3", endpoint_url=url).create_bucket(Bucket=PROJECT)
        yield url
    finally:
        server.stop()
