"""What exists and what it teaches: records, loading, a template's questions and files.

Imports: `files`.
"""
