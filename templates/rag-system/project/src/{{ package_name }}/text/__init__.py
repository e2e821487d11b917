"""Text processing: sentences, embeddings, BM25 terms, reranking."""
