"""Where a template version comes from: the built-in catalog, git repositories, plain folders.

`opening` picks one; `location` reads what people type. Imports: `catalog`, `git`, `files`.
"""
