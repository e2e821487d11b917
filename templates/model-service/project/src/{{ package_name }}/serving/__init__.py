"""Serves a model bundle over HTTP; it needs no training code."""
