"""`python -m <package>.serving`: watch and serve until told to stop."""

import sys

from pydantic import ValidationError

from .. import logs
from ..store.db import StoreError
from ..web.health import Lifecycle
from ..web.server import serve
from ..web.settings import SettingsError, complaints
from .app import create_app
from .settings import Settings


def main() -> int:
    """Serve; gives the exit code."""
    try:
        settings = Settings()
        logs.set_up(settings.log_level, settings.log_format)
        lifecycle = Lifecycle()
        serve(create_app(settings, lifecycle), settings, lifecycle)
    except ValidationError as error:
        for line in complaints(error):
            print(f"error: {line}", file=sys.stderr)
        return 1
    except (SettingsError, StoreError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
