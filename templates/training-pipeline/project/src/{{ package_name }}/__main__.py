"""`python -m` of this package."""

import signal
import sys

from .cli import main

# The first process of a container, which this is in one, is not ended by a signal unless it says so.
signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
sys.exit(main())
