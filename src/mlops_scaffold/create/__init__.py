"""Make a repository from a project (`new`).

Imports: `render`, `source`, `catalog`, `git`, `files`.
"""
