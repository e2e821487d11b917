"""Entry point of `python -m` with this package's name."""

import signal
import sys

from .cli import main

# In a container this process has PID 1, and the kernel ignores SIGTERM there without a handler.
signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
sys.exit(main())
