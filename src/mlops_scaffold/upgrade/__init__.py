"""Bring a generated repository to another template version without losing its owner's work.

Imports: `render`, `source`, `catalog`, `git`, `files`.
"""
