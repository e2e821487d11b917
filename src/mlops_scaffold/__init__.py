"""Scaffold, and keep up to date, the hands-on projects of an MLOps roadmap."""

__version__ = "0.1.0.dev0"
