"""A training pipeline that runs by itself: checked data, tracked runs, gated promotion."""
