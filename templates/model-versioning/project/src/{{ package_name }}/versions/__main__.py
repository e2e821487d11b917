"""`python -m ... versions`, the same as the command `versions`."""

import sys

from .cli import main

sys.exit(main())
