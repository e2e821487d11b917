"""Watches a model in production: tells drift from noise, and alerts with a report."""
