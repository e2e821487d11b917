"""`python -m` with the name of this package predicts: it is what the image runs."""

import sys

from .predict import main

sys.exit(main())
