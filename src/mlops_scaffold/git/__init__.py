"""Run git, read and write its objects and index, and know whose name a commit carries.

Imports: `files`, `shell`, the errors.
"""
