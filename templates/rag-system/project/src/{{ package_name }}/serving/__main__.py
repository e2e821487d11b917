"""`python -m <package>.serving`: serve answers over HTTP until stopped."""

import sys

from ..records import UserError
from ..settings import Settings
from ..web.run import run
from .app import create_app


def main() -> int:
    """Serve and return the exit code."""
    return run(Settings, create_app, UserError)


if __name__ == "__main__":
    sys.exit(main())
