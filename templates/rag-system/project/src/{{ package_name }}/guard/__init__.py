"""Keeps out what should not come in, and in what should not get out."""
