"""Bring a generated repository to another template version and keep its owner's work.

Imports: `render`, `source`, `catalog`, `git`, `files`.
"""
