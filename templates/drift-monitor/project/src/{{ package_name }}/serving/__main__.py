"""`python -m <package>.serving`: run the service until it is told to stop."""

import sys

from ..store.db import StoreError
from ..web.run import run
from .app import create_app
from .settings import Settings


def main() -> int:
    """Serve and return the exit code."""
    return run(Settings, create_app, StoreError)


if __name__ == "__main__":
    sys.exit(main())
