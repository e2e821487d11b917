"""Where chunks are kept and searched: one interface, three engines."""
