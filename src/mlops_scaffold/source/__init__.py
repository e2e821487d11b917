"""Where a template version comes from: the built-in catalog, releases, external catalogs.

Imports: `catalog`, `git`, `files`.
"""
