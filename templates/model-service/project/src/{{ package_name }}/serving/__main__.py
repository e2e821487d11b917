"""`python -m <package>.serving`: serve the published model until told to stop."""

import sys

from ..artifact import ArtifactError
from ..settings import Settings
from ..web.run import run
from .app import create_app


def main() -> int:
    """Serve; gives the exit code."""
    return run(Settings, create_app, ArtifactError)


if __name__ == "__main__":
    sys.exit(main())
