"""Make a repository from a project (`new`). Named so because the package exports `create`.

Imports: `render`, `source`, `catalog`, `git`, `files`.
"""
