"""Paths that every system can hold, staging beside a target, and locks.

Imports: the errors.
"""
