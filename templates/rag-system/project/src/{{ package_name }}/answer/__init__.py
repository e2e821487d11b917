"""Writes answers from passages, and shows of them only what the passages bear out."""
