"""`python -m` of this package."""

import sys

from .cli import main

sys.exit(main())
