"""Stores that keep chunks and search them: one interface, three engines."""
