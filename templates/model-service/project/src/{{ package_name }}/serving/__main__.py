"""`python -m <package>.serving`: serve the published model until told to stop."""

import sys

from ..bundle import BundleError
from ..settings import Settings
from ..web.run import run
from .app import create_app


def main() -> int:
    """Serve; return the exit code."""
    return run(Settings, create_app, BundleError)


if __name__ == "__main__":
    sys.exit(main())
