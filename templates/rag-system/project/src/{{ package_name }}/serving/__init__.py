"""Serves answers over HTTP, with a web page to ask questions."""
