"""MLflow's server in a container: creates the artifact bucket first, if it does not exist.

Takes the arguments of `mlflow server`. The object store's address and credentials come from the
same environment variables that MLflow reads.
"""

import os
import sys
from collections.abc import Sequence
from urllib.parse import urlsplit

import boto3

DESTINATION = "--artifacts-destination="


def ensure_bucket(arguments: Sequence[str]) -> None:
    """Create the bucket of an `s3://` artifact destination, unless it exists."""
    destinations = [
        argument.removeprefix(DESTINATION)
        for argument in arguments
        if argument.startswith(DESTINATION)
    ]
    for destination in map(urlsplit, destinations):
        if destination.scheme != "s3":
            continue
        client = boto3.client("s3", endpoint_url=os.environ.get("MLFLOW_S3_ENDPOINT_URL"))
        existing = [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]
        if destination.netloc not in existing:
            client.create_bucket(Bucket=destination.netloc)


def main() -> None:
    """Create the bucket, then replace this process with the server."""
    ensure_bucket(sys.argv[1:])
    os.execv(sys.executable, [sys.executable, "-m", "mlflow", "server", *sys.argv[1:]])  # noqa: S606


if __name__ == "__main__":
    main()
