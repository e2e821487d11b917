"""For authors of catalogs: check one (lint) and cut a release.

Imports: `source`, `catalog`, `git`, `files`.
"""
