"""`make play`: send the sample stream to a running monitor, in the role of the monitored model."""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace

from . import stream
from .client import Client, ClientError
from .defaults import TASK


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the stream and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="URL of the monitor")
    parser.add_argument(
        "--seconds", type=float, default=1.0, help="pause between windows (default: 1)"
    )
    parser.add_argument(
        "--drift", choices=stream.DRIFTS, default="abrupt", help="kind of drift (default: abrupt)"
    )
    options = parser.parse_args(arguments)
    key = os.environ.get("APP_API_KEYS", "").split(",")[0]
    try:
        with Client(options.url, key) as client:
            played = stream.batches(TASK, options.drift)
            for number, (predictions, labels) in enumerate(played, start=1):
                # Each kind of drift has its own ids, so that several can be played in turn.
                kind = options.drift
                client.send("predictions", [replace(p, id=f"{kind}-{p.id}") for p in predictions])
                client.send("labels", [replace(p, id=f"{kind}-{p.id}") for p in labels])
                print(f"{number * stream.WINDOW} predictions sent")
                time.sleep(options.seconds)
    except ClientError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"See the dashboard at {options.url}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
