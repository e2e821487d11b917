"""MLflow's server, in a container: makes the bucket for its artifacts first, if there is none.

Takes the words that `mlflow server` takes; where the store is and who may use it comes from the
environment, as MLflow itself has it.
"""

import os
import sys
from collections.abc import Sequence
from urllib.parse import urlsplit

import boto3

DESTINATION = "--artifacts-destination="


def make_bucket(words: Sequence[str]) -> None:
    """Make the bucket that the server is told to write to, unless it is there or is no bucket."""
    told = [word.removeprefix(DESTINATION) for word in words if word.startswith(DESTINATION)]
    for destination in map(urlsplit, told):
        if destination.scheme != "s3":
            continue
        store = boto3.client("s3", endpoint_url=os.environ.get("MLFLOW_S3_ENDPOINT_URL"))
        known = [bucket["Name"] for bucket in store.list_buckets()["Buckets"]]
        if destination.netloc not in known:
            store.create_bucket(Bucket=destination.netloc)


def main() -> None:
    """Make the bucket, then become the server."""
    make_bucket(sys.argv[1:])
    os.execv(sys.executable, [sys.executable, "-m", "mlflow", "server", *sys.argv[1:]])  # noqa: S606


if __name__ == "__main__":
    main()
