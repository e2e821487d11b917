"""Entry point of `python -m` with this package's name: predicts, as the image does."""

import sys

from .predict import main

sys.exit(main())
