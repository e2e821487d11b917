"""Turns text into what can be searched: sentences, embeddings, terms, scores."""
