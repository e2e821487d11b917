"""Takes documents into the index: read, cut, embed, store; only what has changed."""
