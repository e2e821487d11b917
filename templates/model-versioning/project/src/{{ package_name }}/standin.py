"""A remote on this machine, for the demo and the tests: no account, no key, no network.

If the project's remote is S3, moto stands in, a server that speaks S3. For Google's and Azure's
storage a folder does.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .defaults import PROJECT, REMOTE


@contextmanager
def remote(folder: Path) -> Iterator[str]:
    """Have a remote for as long as the context lasts.

    Args:
        folder: Where to keep it, if it is a folder.

    Yields:
        What to write into `.dvc/config.local`, so that DVC uses it.
    """
    if REMOTE == "s3":
        with _s3() as url:
            yield _settings(f"endpointurl = {url}")
        return
    folder.mkdir(parents=True)
    yield _settings(f"url = {folder}")


def _settings(line: str) -> str:
    return f"['remote \"storage\"']\n    {line}\n"


@contextmanager
def _s3() -> Iterator[str]:
    """Start a server that speaks S3, with the bucket of this project in it; gives its address."""
    import boto3  # noqa: PLC0415 - only there if the project uses S3
    from moto.backends import get_backend  # noqa: PLC0415
    from moto.server import ThreadedMotoServer  # noqa: PLC0415

    get_backend("s3").reset()  # moto keeps buckets for as long as the process lives
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    keys = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "standin")
    os.environ.update(keys, AWS_DEFAULT_REGION="us-east-1")
    try:
        boto3.client("s3", endpoint_url=url).create_bucket(Bucket=PROJECT)
        yield url
    finally:
        server.stop()
