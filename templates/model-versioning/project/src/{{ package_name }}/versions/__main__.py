"""Entry point of `python -m PACKAGE.versions`, the same as the command `versions`."""

import sys

from .cli import main

sys.exit(main())
