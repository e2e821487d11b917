"""Answers questions over HTTP, and shows a page to ask them."""
