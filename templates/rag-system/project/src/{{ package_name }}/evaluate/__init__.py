"""Evaluates search and answers on questions with known answers."""
