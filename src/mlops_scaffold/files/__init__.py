"""Paths that every system can hold, scratch folders, and locks.

Imports: the errors.
"""
