"""Run git, read and write its objects, and know whose name a commit carries.

Imports: `files`.
"""
