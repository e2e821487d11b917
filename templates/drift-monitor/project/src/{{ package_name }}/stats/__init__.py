"""Exact distances between two samples; equal to SciPy's results where SciPy provides them."""
