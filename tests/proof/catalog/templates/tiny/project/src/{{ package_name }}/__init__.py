"""Adds numbers, over HTTP."""
