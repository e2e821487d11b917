"""`python -m` of this package."""

import signal
import sys

from .cli import main

# In a container this is the first process, which a signal does not end unless it says so itself.
signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
sys.exit(main())
