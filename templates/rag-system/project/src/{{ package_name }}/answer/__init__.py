"""Writes answers from passages, and shows only what the passages support."""
