"""Trains a model on a table and publishes it; `model.py` is the part to make your own."""
