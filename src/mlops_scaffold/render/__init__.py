"""Turn a template tree and answers into a folder; foreign templates run in a sandbox.

Imports: `source`, `catalog`, `files`.
"""
