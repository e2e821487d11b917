"""Monitors a model in production: tells drift from noise and sends alerts with a report."""

import os

# Numeric libraries use one thread unless these variables are set. The tables are small and checks
# run next to the service; with few cores, extra threads only wait for each other (a fit of half a
# second once took a minute). The libraries read the variables on import, so this must come first.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
