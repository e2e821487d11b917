"""`python -m <package>.serving`: answer questions over HTTP until told to stop."""

import sys

from ..records import UserError
from ..settings import Settings
from ..web.run import run
from .app import create_app


def main() -> int:
    """Serve; gives the exit code."""
    return run(Settings, create_app, UserError)


if __name__ == "__main__":
    sys.exit(main())
