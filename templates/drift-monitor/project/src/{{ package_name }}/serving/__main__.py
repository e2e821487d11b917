"""`python -m <package>.serving`: watch and serve until told to stop."""

import sys

from ..store.db import StoreError
from ..web.run import run
from .app import create_app
from .settings import Settings


def main() -> int:
    """Serve; gives the exit code."""
    return run(Settings, create_app, StoreError)


if __name__ == "__main__":
    sys.exit(main())
