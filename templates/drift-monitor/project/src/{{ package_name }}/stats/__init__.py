"""Distances between two samples: exact, and equal to SciPy's where SciPy has them."""
