"""Serve, ask, stop."""

from __future__ import annotations

import os
from threading import Thread
from urllib.request import urlopen

from .serving import server


def main() -> None:
    """Ask the service for a sum."""
    os.environ["APP_PORT"] = "0"
    with server() as service:
        Thread(target=service.serve_forever).start()
        with urlopen(f"http://127.0.0.1:{service.server_port}/v1/sum?of=1&of=2") as answer:
            print(answer.read().decode())
        service.shutdown()


if __name__ == "__main__":
    main()
