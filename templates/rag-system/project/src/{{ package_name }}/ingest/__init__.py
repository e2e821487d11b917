"""Ingests documents into the index: parse, chunk, embed and store what has changed."""
