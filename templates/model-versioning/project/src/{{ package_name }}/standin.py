"""A remote on this machine, for the demo and the tests: no account, no key, no network.

If the project's remote is no folder, a server of its kind stands in: moto for S3, an emulator for
Google's storage; for Azure's, Azurite if this machine has it (`npm install -g azurite`), else a
folder.
"""

import logging
import os
import shutil
import socket
import subprocess
import time
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
    servers = {"s3": _s3, "gcs": _gcs, "azure": _azure}
    if REMOTE == "local" or (REMOTE == "azure" and not shutil.which("azurite")):
        folder.mkdir(parents=True)
        yield _settings(f"url = {folder}")
        return
    with servers[REMOTE](folder) as settings:
        yield _settings(*settings)


def _settings(*lines: str) -> str:
    return "\n    ".join(["['remote \"storage\"']", *lines]) + "\n"


@contextmanager
def _s3(_: Path) -> Iterator[tuple[str, ...]]:
    """Start a server that speaks S3, with the bucket of this project in it."""
    import boto3  # noqa: PLC0415 - only there if the project uses S3
    from moto.server import ThreadedMotoServer  # noqa: PLC0415

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    keys = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "standin")
    os.environ.update(keys, AWS_DEFAULT_REGION="us-east-1")
    try:
        boto3.client("s3", endpoint_url=url).create_bucket(Bucket=PROJECT)
        yield (f"endpointurl = {url}",)
    finally:
        server.stop()


@contextmanager
def _gcs(_: Path) -> Iterator[tuple[str, ...]]:
    """Start an emulator of Google's storage, with the bucket of this project in it."""
    from gcp_storage_emulator.server import create_server  # noqa: PLC0415 - as above

    port = _free_port()
    server = create_server("127.0.0.1", port, in_memory=True, default_bucket=PROJECT)
    server.start()
    os.environ["STORAGE_EMULATOR_HOST"] = f"http://127.0.0.1:{port}"
    # It would look for an account, and say that there is none.
    logging.getLogger("gcsfs").setLevel(logging.CRITICAL)
    try:
        yield ("allow_anonymous_login = true",)
    finally:
        server.stop()


@contextmanager
def _azure(folder: Path) -> Iterator[tuple[str, ...]]:
    """Start Azurite, with the container of this project in it."""
    from azure.storage.blob import BlobServiceClient  # noqa: PLC0415 - as above

    port = _free_port()
    command = ["azurite-blob", "--silent", "--skipApiVersionCheck", "--blobPort", str(port)]
    process = subprocess.Popen([*command, "--location", str(folder)])  # noqa: S603 - as written
    # The account and the key that every Azurite has.
    connection = (
        "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;"
        f"BlobEndpoint=http://127.0.0.1:{port}/devstoreaccount1;"
    )
    try:
        _wait_for(port)
        BlobServiceClient.from_connection_string(connection).create_container(PROJECT)
        yield (f"connection_string = {connection}",)
    finally:
        process.terminate()
        process.wait()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def _wait_for(port: int) -> None:
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
