"""Retrieval: query rewriting, hybrid search, fusion and confidence."""
