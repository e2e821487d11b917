"""Watches a model in production: tells drift from noise, and alerts with a report."""

import os

# Numbers are worked on in one thread, unless these are set: tables are small and checks run beside
# the service. Where cores are short, more threads wait for each other instead: a fit that takes
# half a second took a minute. The libraries read this when they are loaded, so it comes first.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
